package io.bianque.streams.symbol;

import io.bianque.streams.facts.Host;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/** Gives addresses of a host the names of their functions. For one thread, a task's. */
public final class Symbolizer {
  /** Is told why an address keeps no name. */
  public interface Unresolved {
    /** The table of that object may still come. */
    void noTable(String object, String buildId, String reason);

    /** No table can tell. */
    void never(String reason);
  }

  private final SymbolTables tables;
  private final ReadOnlyKeyValueStore<String, byte[]> chunks;

  public Symbolizer(SymbolTables tables, ReadOnlyKeyValueStore<String, byte[]> chunks) {
    this.tables = tables;
    this.chunks = chunks;
  }

  /**
   * The address as {@code function+0xoffset}, with {@code [module]} behind it in a module; {@code
   * <build id>+0xoffset} where the function is not known, which a later replay can resolve; {@code
   * 0xaddress} where not even that is.
   *
   * @param returnAddress whether the address is where a call returns to, rather than an instruction
   *     that ran
   */
  public String frame(Host host, long address, boolean returnAddress, Unresolved unresolved) {
    String hidden = host.addressesHiddenBecause();
    if (hidden != null) {
      unresolved.never("addresses of this host mean nothing: " + hidden);
      return hex(address);
    }
    return switch (host.place(address, returnAddress)) {
      case Host.Place.Kernel(String object, long offset) ->
          function(object, host.kernelBuildId(), offset, returnAddress, unresolved);
      case Host.Place.InModule(String module, String buildId, long offset) -> {
        if (buildId == null) {
          unresolved.never("module " + module + " has no build id");
          yield "+0x" + Long.toHexString(offset) + " [" + module + "]";
        }
        yield function(module, buildId, offset, returnAddress, unresolved) + " [" + module + "]";
      }
      case Host.Place.Nowhere() -> {
        unresolved.never(
            host.tellsOfInitText()
                ? "an address lies in no text that the host told of: in a BPF program, a trampoline,"
                    + " or a module that was just starting, came later or is gone"
                : "an address lies in no text that the host told of; its agent leaves out the kernel's"
                    + " init text");
        yield hex(address);
      }
    };
  }

  private String function(
      String object, String buildId, long offset, boolean returnAddress, Unresolved unresolved) {
    switch (tables.table(chunks, buildId, object)) {
      case SymbolTables.Lookup.Found(SymbolTable table) -> {
        String text = table.frame(offset, returnAddress);
        if (text != null) {
          return text;
        }
        unresolved.never("the table of " + object + " begins behind an address");
      }
      case SymbolTables.Lookup.Absent(String reason) -> unresolved.noTable(object, buildId, reason);
    }
    return buildId + "+0x" + Long.toHexString(offset);
  }

  /** For an address of a host that nothing is known of. */
  public static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }
}
