package io.bianque.streams.symbol;

import io.bianque.streams.facts.Host;
import java.util.List;
import org.apache.avro.generic.PrimitivesArrays;
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
  private final StackKey key = new StackKey();
  private long[] unpacked = new long[64];

  /**
   * The table of the frame before, within one stack: nearly all frames are in the same. To look it
   * up for each was the largest part of what a new stack takes, 550 of 1,400 ns a frame.
   */
  private SymbolTables.Lookup table;

  private String tableOf;
  private String tableOfBuild;

  public Symbolizer(SymbolTables tables, ReadOnlyKeyValueStore<String, byte[]> chunks) {
    this.tables = tables;
    this.chunks = chunks;
  }

  /**
   * The frames of a stack, and its hashes where all of them are resolved. The same stack is the
   * same object, on whatever host of these builds it was.
   *
   * @param addresses the innermost first: it is where the probe was hit, which may be the first
   *     byte of a function; all others are where calls return to
   */
  public Stack stack(Host host, List<?> addresses, Unresolved unresolved) {
    int size = unpack(addresses);
    boolean placed = place(host, size);
    Stack known = placed ? tables.known(key) : null;
    if (known != null) {
      return known;
    }
    long asOf = tables.version();
    Noting noting = new Noting(unresolved);
    String[] frames = new String[size];
    forgetTable();
    for (int i = 0; i < size; i++) {
      frames[i] = text(host, unpacked[i], i > 0, noting);
    }
    if (noting.any) {
      return Stack.unresolved(List.of(frames));
    }
    Stack stack = Stack.resolved(List.of(frames));
    if (placed) {
      tables.remember(key.copy(), stack, asOf);
    }
    return stack;
  }

  /** What Avro reads makes a Long anew each time that it is asked for one. */
  private int unpack(List<?> addresses) {
    int size = addresses.size();
    if (size > unpacked.length) {
      unpacked = new long[2 * size];
    }
    if (addresses instanceof PrimitivesArrays.LongArray longs) {
      for (int i = 0; i < size; i++) {
        unpacked[i] = longs.getLong(i);
      }
    } else {
      for (int i = 0; i < size; i++) {
        unpacked[i] = (Long) addresses.get(i);
      }
    }
    return size;
  }

  /** Fills the key; false when one of the frames has no place that is the same on other hosts. */
  private boolean place(Host host, int size) {
    key.clear();
    if (host.addressesHiddenBecause() != null) {
      return false;
    }
    for (int i = 0; i < size; i++) {
      boolean placed =
          switch (host.place(unpacked[i], i > 0)) {
            case Host.Place.Kernel(String object, long offset) ->
                key.add(host.kernelBuildId(), object, offset);
            case Host.Place.InModule(String module, String buildId, long offset) ->
                buildId != null && key.add(buildId, module, offset);
            case Host.Place.Nowhere() -> false;
          };
      if (!placed) {
        return false;
      }
    }
    return true;
  }

  /** Passes on, and keeps that there was something. */
  private static final class Noting implements Unresolved {
    private final Unresolved to;
    private boolean any;

    Noting(Unresolved to) {
      this.to = to;
    }

    @Override
    public void noTable(String object, String buildId, String reason) {
      any = true;
      to.noTable(object, buildId, reason);
    }

    @Override
    public void never(String reason) {
      any = true;
      to.never(reason);
    }
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
    forgetTable();
    return text(host, address, returnAddress, unresolved);
  }

  private String text(Host host, long address, boolean returnAddress, Unresolved unresolved) {
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
    switch (table(buildId, object)) {
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

  private SymbolTables.Lookup table(String buildId, String object) {
    if (table == null || !object.equals(tableOf) || !buildId.equals(tableOfBuild)) {
      table = tables.table(chunks, buildId, object);
      tableOf = object;
      tableOfBuild = buildId;
    }
    return table;
  }

  private void forgetTable() {
    table = null;
  }

  /** For an address of a host that nothing is known of. */
  public static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }

  /** For addresses of one. */
  public static List<String> hex(List<?> addresses) {
    return addresses.stream().map(address -> hex((Long) address)).toList();
  }
}
