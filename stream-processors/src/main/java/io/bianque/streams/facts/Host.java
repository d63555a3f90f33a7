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
  /** Where an address lies. */
  public sealed interface Place {
    /**
     * In the kernel.
     *
     * @param object whose table of symbols tells: of the kernel's text, or of its init text
     * @param offset from {@code _text} in both, in bytes
     */
    record Kernel(String object, long offset) implements Place {}

    /**
     * In a module.
     *
     * @param buildId null when the module has none
     * @param offset from the begin of its text, in bytes
     */
    record InModule(String module, String buildId, long offset) implements Place {}

    /** In no text that the host told of. */
    record Nowhere() implements Place {}
  }

  private static final String KERNEL = "vmlinux";
  private static final String KERNEL_INIT = "vmlinux.init";
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
    if (isIn(facts.getTextAddress(), facts.getTextSize(), at)) {
      return new Place.Kernel(KERNEL, address - facts.getTextAddress());
    }
    if (isIn(facts.getInitTextAddress(), facts.getInitTextSize(), at)) {
      return new Place.Kernel(KERNEL_INIT, address - facts.getTextAddress());
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

  private static boolean isIn(Long begin, Long size, long address) {
    return begin != null && size != null && Long.compareUnsigned(address - begin, size) < 0;
  }

  /** Whether the host told where the kernel's init text lies: agents did not always. */
  public boolean tellsOfInitText() {
    return facts.getInitTextAddress() != null && facts.getInitTextSize() != null;
  }

  /** What this kernel calls the value of that enum, or null when it has no such name. */
  public String enumName(String enumName, long value) {
    return enums.getOrDefault(enumName, Map.of()).get(value);
  }
}
