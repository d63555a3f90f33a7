package io.bianque.streams.facts;

import io.bianque.facts.HostFacts;
import io.bianque.facts.KernelEnum;
import io.bianque.facts.KernelEnumMember;
import io.bianque.facts.Module;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One host during one boot. Immutable. */
public final class Host {
  /** Where an address lies. Offsets in bytes from the begin of that text. */
  public sealed interface Place {
    record Kernel(long offset) implements Place {}

    /**
     * In a module.
     *
     * @param buildId null when the module has none
     */
    record InModule(String module, String buildId, long offset) implements Place {}

    /**
     * In no text that the host told of: a BPF program, a trampoline, or a module that came later.
     */
    record Nowhere() implements Place {}
  }

  private static final Place NOWHERE = new Place.Nowhere();

  private final HostFacts facts;
  private final List<Module> modules;
  private final Map<String, Map<Long, String>> enums;

  public Host(HostFacts facts) {
    this.facts = facts;
    this.modules = new ArrayList<>(facts.getModules());
    modules.sort((a, b) -> Long.compareUnsigned(a.getBase(), b.getBase()));
    this.enums = new HashMap<>();
    for (KernelEnum kernelEnum : facts.getEnums()) {
      Map<Long, String> members = new HashMap<>();
      for (KernelEnumMember member : kernelEnum.getMembers()) {
        // A value may have two names (…_MAX beside the last one): the first is the value's own.
        members.putIfAbsent(member.getValue(), member.getName());
      }
      enums.put(kernelEnum.getName(), members);
    }
  }

  public String name() {
    return facts.getHostName();
  }

  public String kernelRelease() {
    return facts.getKernelRelease();
  }

  /** In hex. */
  public String kernelBuildId() {
    return facts.getKernelBuildId();
  }

  /** Why addresses of this host mean nothing, or null when they do. */
  public String addressesHiddenBecause() {
    if (facts.getTextAddress() != null && facts.getTextSize() != null) {
      return null;
    }
    String because = facts.getSymbolsHiddenBecause();
    return because == null ? "the host does not know where its kernel's text lies" : because;
  }

  /**
   * Where the address lies.
   *
   * @param returnAddress the address is where a call returns to: the byte before it decides
   */
  public Place place(long address, boolean returnAddress) {
    long at = returnAddress ? address - 1 : address;
    if (facts.getTextAddress() != null
        && facts.getTextSize() != null
        && Long.compareUnsigned(at - facts.getTextAddress(), facts.getTextSize()) < 0) {
      return new Place.Kernel(address - facts.getTextAddress());
    }
    int low = 0;
    int high = modules.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      Module module = modules.get(middle);
      if (Long.compareUnsigned(at, module.getBase()) < 0) {
        high = middle - 1;
      } else if (Long.compareUnsigned(at - module.getBase(), module.getSize()) < 0) {
        return new Place.InModule(
            module.getName(), module.getBuildId(), address - module.getBase());
      } else {
        low = middle + 1;
      }
    }
    return NOWHERE;
  }

  /** What this kernel calls the value of that enum, or null when it has no such name. */
  public String enumName(String enumName, long value) {
    return enums.getOrDefault(enumName, Map.of()).get(value);
  }
}
