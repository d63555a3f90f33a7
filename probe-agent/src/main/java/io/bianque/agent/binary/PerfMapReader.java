package io.bianque.agent.binary;

import io.bianque.agent.encode.CodeNames;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Makes a {@link PerfMap} of a file of lines {@code 7fd42c59f700 1e8 void Burn.leaf()}: where in
 * the process, how many bytes, both in hexadecimal digits, and the name up to the end of the line.
 * What is no such line is left out and counted.
 *
 * <p>Some runtimes write all anew, others append for as long as they run, also what lies where
 * something else was before: of two that overlap the later line holds.
 */
final class PerfMapReader {
  /** Of one file, as many as of a table. */
  static final int MOST_FUNCTIONS = TableChunks.MOST_FUNCTIONS;

  private static final Duration LONGEST = Duration.ofSeconds(10);

  /** Of a line, of which the rest is left out: two numbers, and a name that is cut as well. */
  private static final int MOST_LINE = 512;

  private static final int HEX_DIGITS = 16;
  private static final int CHUNK = 16 << 10;

  private final long mostFileBytes;
  private final long mostBytes;
  private final byte[] line = new byte[MOST_LINE];
  private int lineLength;
  private int at;

  private long[] begins = new long[256];
  private int[] sizes = new int[256];
  private int[] names = new int[256];
  private int functions;
  private final List<byte[]> blocks = new ArrayList<>();
  private int blockUsed = PerfMap.BLOCK_BYTES;
  private int skipped;

  /** A map, and how many lines of its file were none of one. */
  record Result(PerfMap map, int skipped) {}

  /** There is more of it than may be. */
  static final class TooLarge extends IOException {
    private static final long serialVersionUID = 1L;
  }

  private PerfMapReader(long mostFileBytes, long mostBytes) {
    this.mostFileBytes = mostFileBytes;
    this.mostBytes = mostBytes;
  }

  /**
   * Reads to the end.
   *
   * @param mostFileBytes that are read
   * @param mostBytes of memory that the map may take
   * @throws TooLarge when it has more of either, or too many functions
   */
  static Result read(InputStream file, long mostFileBytes, long mostBytes) throws IOException {
    PerfMapReader reader = new PerfMapReader(mostFileBytes, mostBytes);
    reader.read(file);
    return new Result(reader.map(), reader.skipped);
  }

  private void read(InputStream file) throws IOException {
    long end = System.nanoTime() + LONGEST.toNanos();
    byte[] chunk = new byte[CHUNK];
    long read = 0;
    for (int count = file.read(chunk); count >= 0; count = file.read(chunk)) {
      read += count;
      if (read > mostFileBytes) {
        throw new TooLarge();
      }
      if (System.nanoTime() - end > 0) {
        throw new IOException("to read it takes more than " + LONGEST);
      }
      for (int i = 0; i < count; i++) {
        next(chunk[i]);
      }
    }
    // A last line without an end is just being written.
  }

  private void next(byte b) throws TooLarge {
    if (b != '\n') {
      if (lineLength < MOST_LINE) {
        line[lineLength++] = b;
      }
      return;
    }
    if (!isFunction()) {
      skipped++;
    }
    lineLength = 0;
  }

  /** Takes the line, unless it is none of a function. */
  private boolean isFunction() throws TooLarge {
    at = 0;
    long begin = hex();
    long size = begin < 0 ? -1 : hex();
    if (size <= 0 || size > Integer.MAX_VALUE || begin + size < 0 || at == lineLength) {
      return false;
    }
    add(begin, (int) size, name());
    return true;
  }

  /** A number and the blanks behind it; -1: there is none, or it is none of an address. */
  private long hex() {
    if (at + 1 < lineLength && line[at] == '0' && (line[at + 1] | 0x20) == 'x') {
      at += 2;
    }
    int begin = at;
    long value = 0;
    while (at < lineLength && Character.digit(line[at], 16) >= 0) {
      value = (value << 4) | Character.digit(line[at++], 16);
    }
    if (at == begin || at - begin > HEX_DIGITS || at == lineLength || line[at] != ' ') {
      return -1;
    }
    while (at < lineLength && line[at] == ' ') {
      at++;
    }
    return value < 0 ? -1 : value;
  }

  /** The rest of the line as text that may go to terminals. */
  private byte[] name() {
    for (int i = at; i < lineLength; i++) {
      if (line[i] < ' ' || line[i] == 0x7f) {
        return cut(
            TableChunks.printable(new String(line, at, lineLength - at, StandardCharsets.UTF_8))
                .getBytes(StandardCharsets.UTF_8));
      }
    }
    return Arrays.copyOfRange(line, at, Math.min(lineLength, at + CodeNames.MOST_BYTES));
  }

  /** Not within a character. */
  private static byte[] cut(byte[] utf8) {
    int end = Math.min(utf8.length, CodeNames.MOST_BYTES);
    while (end < utf8.length && (utf8[end] & 0xc0) == 0x80) {
      end--;
    }
    return Arrays.copyOf(utf8, end);
  }

  private void add(long begin, int size, byte[] name) throws TooLarge {
    if (functions == begins.length) {
      int more = functions + functions / 2;
      begins = Arrays.copyOf(begins, more);
      sizes = Arrays.copyOf(sizes, more);
      names = Arrays.copyOf(names, more);
    }
    if (blockUsed + 1 + name.length > PerfMap.BLOCK_BYTES) {
      blocks.add(new byte[PerfMap.BLOCK_BYTES]);
      blockUsed = 0;
    }
    byte[] block = blocks.getLast();
    begins[functions] = begin;
    sizes[functions] = size;
    names[functions++] = ((blocks.size() - 1) << PerfMap.BLOCK_BITS) | blockUsed;
    block[blockUsed++] = (byte) (name.length - 1);
    System.arraycopy(name, 0, block, blockUsed, name.length);
    blockUsed += name.length;
    long bytes =
        (blocks.size() - 1L) * PerfMap.BLOCK_BYTES
            + blockUsed
            + (long) functions * PerfMap.ENTRY_BYTES;
    if (functions > MOST_FUNCTIONS || bytes > mostBytes) {
      throw new TooLarge();
    }
  }

  /** In the order of addresses, without what something newer overlaps. */
  private PerfMap map() {
    if (functions == 0) {
      return PerfMap.EMPTY;
    }
    Integer[] order = new Integer[functions];
    Arrays.setAll(order, line -> line);
    Arrays.sort(order, Comparator.comparingLong(line -> begins[line]));
    int[] kept = new int[functions];
    int count = 0;
    for (int line : order) {
      boolean newest = true;
      while (newest && count > 0 && end(kept[count - 1]) > begins[line]) {
        newest = line > kept[count - 1];
        count -= newest ? 1 : 0;
      }
      if (newest) {
        kept[count++] = line;
      }
    }
    long[] keptBegins = new long[count];
    int[] keptSizes = new int[count];
    int[] keptNames = new int[count];
    for (int i = 0; i < count; i++) {
      keptBegins[i] = begins[kept[i]];
      keptSizes[i] = sizes[kept[i]];
      keptNames[i] = names[kept[i]];
    }
    blocks.add(Arrays.copyOf(blocks.removeLast(), blockUsed));
    return new PerfMap(keptBegins, keptSizes, keptNames, blocks.toArray(byte[][]::new));
  }

  private long end(int line) {
    return begins[line] + sizes[line];
  }
}
