package io.bianque.streams.symbol;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * The text symbols of one build of a kernel or module, by offset from the begin of its text.
 * Immutable.
 *
 * <p>A kernel has some 100,000 of them, so names lie in one array of bytes and offsets in one of
 * longs: about 30 bytes a symbol instead of 120.
 */
public final class SymbolTable {
  /** A symbol as it was published. Offset in bytes. */
  public record Entry(long offset, String name) {}

  /** Function at or before an offset. {@code into} is the distance from its begin, in bytes. */
  public record Hit(String name, long into) {}

  /**
   * Which of several names of one address is shown. Of aliases, the plain one says most: without a
   * compiler's suffix (.isra.0), with the fewest leading underscores, the shorter; and the alphabet
   * where all that is alike, so that the choice does not depend on the order in which names came.
   * Whether a symbol is global is not published.
   */
  private static final Comparator<String> PLAINEST =
      Comparator.<String>comparingInt(name -> name.indexOf('.') < 0 ? 0 : 1)
          .thenComparingInt(SymbolTable::leadingUnderscores)
          .thenComparingInt(String::length)
          .thenComparing(Comparator.naturalOrder());

  private static final int RECENT = 2048;
  private static final int SLOT_BYTES = 120;

  private final long[] offsets;
  private final int[] nameEnds;
  private final byte[] names;

  /**
   * Texts of frames that were asked for, by offset: the same few stacks come again and again.
   * Direct mapped; threads may overwrite each other's slots, which costs a lookup and nothing else,
   * since a slot never changes.
   */
  private final Slot[] recent = new Slot[RECENT];

  private record Slot(long offset, boolean returnAddress, String text) {}

  private SymbolTable(long[] offsets, int[] nameEnds, byte[] names) {
    this.offsets = offsets;
    this.nameEnds = nameEnds;
    this.names = names;
  }

  /** A table of the entries, which may come in any order and more than once. */
  public static SymbolTable of(List<Entry> entries) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingLong(Entry::offset).thenComparing(Entry::name, PLAINEST));
    long[] offsets = new long[sorted.size()];
    byte[][] names = new byte[sorted.size()][];
    int count = 0;
    for (Entry entry : sorted) {
      if (count == 0 || offsets[count - 1] != entry.offset()) {
        offsets[count] = entry.offset();
        names[count++] = entry.name().getBytes(StandardCharsets.UTF_8);
      }
    }
    int[] ends = new int[count];
    int end = 0;
    for (int i = 0; i < count; i++) {
      end += names[i].length;
      ends[i] = end;
    }
    byte[] all = new byte[end];
    for (int i = 0; i < count; i++) {
      System.arraycopy(names[i], 0, all, ends[i] - names[i].length, names[i].length);
    }
    return new SymbolTable(Arrays.copyOf(offsets, count), ends, all);
  }

  private static int leadingUnderscores(String name) {
    int i = 0;
    while (i < name.length() && name.charAt(i) == '_') {
      i++;
    }
    return i;
  }

  /**
   * The frame as the kernel prints it: {@code function+0xoffset}; null when no function begins
   * before it.
   *
   * @param returnAddress the offset is where a call returns to. It is looked up one byte before, as
   *     the kernel's own {@code %pB} does: behind the last call of a function that never returns
   *     there is already the next function. The offset shown is that of the address itself.
   */
  public String frame(long offset, boolean returnAddress) {
    int index = (int) ((offset * 0x9E3779B97F4A7C15L) >>> 53);
    Slot slot = recent[index];
    if (slot != null && slot.offset() == offset && slot.returnAddress() == returnAddress) {
      return slot.text();
    }
    int back = returnAddress ? 1 : 0;
    Hit hit = find(offset - back);
    String text = hit == null ? null : hit.name() + "+0x" + Long.toHexString(hit.into() + back);
    recent[index] = new Slot(offset, returnAddress, text);
    return text;
  }

  /**
   * The last function that begins at or before the offset, or null when the first begins after it.
   */
  public Hit find(long offset) {
    int at = Arrays.binarySearch(offsets, offset);
    int index = at >= 0 ? at : -at - 2;
    return index < 0 ? null : new Hit(name(index), offset - offsets[index]);
  }

  private String name(int index) {
    int begin = index == 0 ? 0 : nameEnds[index - 1];
    return new String(names, begin, nameEnds[index] - begin, StandardCharsets.UTF_8);
  }

  /** Distinct addresses. */
  public int size() {
    return offsets.length;
  }

  /** Heap that it takes, in bytes, roughly. */
  public int weight() {
    return 64 + offsets.length * 12 + names.length + RECENT * SLOT_BYTES;
  }
}
