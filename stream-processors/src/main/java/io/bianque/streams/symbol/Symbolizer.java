package io.bianque.streams.symbol;

import io.bianque.schemas.raw.UserFrames;
import io.bianque.streams.facts.Host;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.generic.PrimitivesArrays;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/**
 * Gives addresses of a host, and offsets in files, the names of their functions. For one thread, a
 * task's.
 */
public final class Symbolizer {
  /** Under which tables of files of user space go, each with its build id. */
  public static final String USER = "user";

  /** Shown for what the kernel took for a frame where code keeps no frame pointers. */
  private static final String UNMAPPED = "[unmapped]";

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
   * The table of the frame before, as long as no table has changed: nearly all frames are in the
   * same. To look it up for each was the largest part of what a new stack takes, 550 of 1,400 ns a
   * frame.
   */
  private SymbolTables.Lookup.Found table;

  private String tableOf;
  private String tableOfBuild;
  private long tableAsOf;

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

  /**
   * A stack in user space: each frame as {@code function+0xoffset [file]}; {@code <build
   * id>+0xoffset} where the function is not known, with the file behind it where that is; where it
   * is in no file, {@code function [jit]} if the agent has found that, else {@code 0xaddress}.
   *
   * @param frames as {@link UserFrames}, the innermost first: an instruction that ran; all others
   *     are where calls return to
   */
  public List<String> userStack(List<?> frames, Unresolved unresolved) {
    List<String> texts = new ArrayList<>(frames.size());
    Object before = null;
    String buildId = "";
    for (Object each : frames) {
      IndexedRecord frame = (IndexedRecord) each;
      Object id = frame.get(UserFrames.BUILD_ID);
      long offset = (Long) frame.get(UserFrames.OFFSET);
      if (id == null) {
        texts.add(inNoFile(frame, offset, unresolved));
        continue;
      }
      if (offset < 0) {
        // The kernel takes the first mapping that ends behind an address, and does not look whether
        // it begins before it (find_vma() in stack_map_get_build_id_offset(), 5.10 to 6.18).
        unresolved.never("an address of user space lies in no mapping: the stack is broken there");
        texts.add(UNMAPPED);
        continue;
      }
      if (!id.equals(before)) {
        buildId = HexFormat.of().formatHex(((GenericFixed) id).bytes());
        before = id;
      }
      texts.add(inFile(buildId, offset, !texts.isEmpty(), unresolved));
    }
    return texts;
  }

  /** Without an offset: the same function is elsewhere, and compiled otherwise, in each process. */
  private static String inNoFile(IndexedRecord frame, long address, Unresolved unresolved) {
    Object symbol = UserFrames.symbol(frame);
    if (symbol != null) {
      return symbol + " [jit]";
    }
    unresolved.never("an address of user space lies in no file with a build id");
    return hex(address);
  }

  private String inFile(String buildId, long offset, boolean returnAddress, Unresolved unresolved) {
    String place = buildId + "+0x" + Long.toHexString(offset);
    return switch (table(buildId, USER)) {
      case SymbolTables.Lookup.Found(SymbolTable table, String file) -> {
        String text = table.frame(offset, returnAddress);
        if (text == null) {
          unresolved.never("no function of " + file + " " + buildId + " is known at an offset");
        }
        yield (text == null ? place : text) + " [" + file + "]";
      }
      case SymbolTables.Lookup.Absent(String reason) -> {
        unresolved.noTable(USER, buildId, reason);
        yield place;
      }
    };
  }

  private String function(
      String object, String buildId, long offset, boolean returnAddress, Unresolved unresolved) {
    switch (table(buildId, object)) {
      case SymbolTables.Lookup.Found(SymbolTable table, _) -> {
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
    long asOf = tables.version();
    if (table != null
        && asOf == tableAsOf
        && object.equals(tableOf)
        && buildId.equals(tableOfBuild)) {
      return table;
    }
    SymbolTables.Lookup lookup = tables.table(chunks, buildId, object);
    if (lookup instanceof SymbolTables.Lookup.Found found) {
      table = found;
      tableOf = object;
      tableOfBuild = buildId;
      tableAsOf = asOf;
    }
    return lookup;
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
