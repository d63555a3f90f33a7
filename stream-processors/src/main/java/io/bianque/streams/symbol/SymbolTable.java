package io.bianque.streams.symbol;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * The text symbols of one build of a kernel or module, by offset from the begin of its text, or of
 * a file of user space, by offset in the file. Immutable.
 *
 * <p>A kernel has some 100,000 of them, so names lie in one array of bytes and offsets in one of
 * longs: about 30 bytes a symbol instead of 120.
 */
public final class SymbolTable {
  /**
   * A symbol as it was published. Offset in bytes. With an empty name it is where a function ends
   * and none begins.
   */
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
      Comparator.comparing(String::isEmpty)
          .thenComparingInt(name -> name.indexOf('.') < 0 ? 0 : 1)
          .thenComparingInt(SymbolTable::leadingUnderscores)
          .thenComparingInt(String::length)
          .thenComparing(Comparator.naturalOrder());

  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  private static final int MOST_RECENT_BITS = 11;
  private static final int SLOT_BYTES = 120;

  private final long[] offsets;
  private final int[] nameEnds;
  private final byte[] names;

  /** ISO 8859-1 where that is the same, as in C it is: it need not be decoded. */
  private final Charset charset;

  /**
   * Texts of frames that were asked for, by offset: the same few stacks come again and again.
   * Direct mapped; threads may overwrite each other's slots, which costs a lookup and nothing else,
   * since a slot never changes.
   */
  private final Slot[] recent;

  private final int recentShift;

  private record Slot(long offset, boolean returnAddress, String text) {}

  private SymbolTable(long[] offsets, int[] nameEnds, byte[] names) {
    this.offsets = offsets;
    this.nameEnds = nameEnds;
    this.names = names;
    int bits =
        Math.min(MOST_RECENT_BITS, Integer.SIZE - Integer.numberOfLeadingZeros(offsets.length));
    this.recent = new Slot[1 << bits];
    this.recentShift = Long.SIZE - bits;
    this.charset = isAscii(names) ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8;
  }

  private static boolean isAscii(byte[] bytes) {
    for (byte each : bytes) {
      if (each < 0) {
        return false;
      }
    }
    return true;
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
   * before it, or the one that does has ended.
   *
   * @param returnAddress the offset is where a call returns to. It is looked up one byte before, as
   *     the kernel's own {@code %pB} does: behind the last call of a function that never returns
   *     there is already the next function. The offset shown is that of the address itself.
   */
  public String frame(long offset, boolean returnAddress) {
    int index = recent.length == 1 ? 0 : (int) ((offset * 0x9E3779B97F4A7C15L) >>> recentShift);
    Slot slot = recent[index];
    if (slot != null && slot.offset() == offset && slot.returnAddress() == returnAddress) {
      return slot.text();
    }
    int symbol = at(returnAddress ? offset - 1 : offset);
    String text = symbol < 0 ? null : text(symbol, offset - offsets[symbol]);
    recent[index] = new Slot(offset, returnAddress, text);
    return text;
  }

  /**
   * Written at one go: put together from strings, a frame of a new stack takes 980 ns in {@code
   * bench symbolize} instead of 840.
   */
  private String text(int symbol, long into) {
    int begin = begin(symbol);
    int name = nameEnds[symbol] - begin;
    int digits = Math.max(1, (67 - Long.numberOfLeadingZeros(into)) >> 2);
    byte[] text = Arrays.copyOfRange(names, begin, begin + name + 3 + digits);
    text[name] = '+';
    text[name + 1] = '0';
    text[name + 2] = 'x';
    long rest = into;
    for (int i = text.length - 1; i > name + 2; i--) {
      text[i] = HEX[(int) rest & 0xf];
      rest >>>= 4;
    }
    return new String(text, charset);
  }

  /**
   * The last function that begins at or before the offset, or null when the first begins after it,
   * or it has ended.
   */
  public Hit find(long offset) {
    int symbol = at(offset);
    return symbol < 0 ? null : new Hit(name(symbol), offset - offsets[symbol]);
  }

  private int at(long offset) {
    int found = Arrays.binarySearch(offsets, offset);
    int at = found >= 0 ? found : -found - 2;
    return at < 0 || nameEnds[at] == begin(at) ? -1 : at;
  }

  private String name(int symbol) {
    int begin = begin(symbol);
    return new String(names, begin, nameEnds[symbol] - begin, charset);
  }

  private int begin(int symbol) {
    return symbol == 0 ? 0 : nameEnds[symbol - 1];
  }

  /** Distinct addresses. */
  public int size() {
    return offsets.length;
  }

  /** Heap that it takes, in bytes, roughly. */
  public int weight() {
    return 64 + offsets.length * 12 + names.length + recent.length * SLOT_BYTES;
  }
}
