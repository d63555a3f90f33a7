package io.bianque.agent.binary;

import io.bianque.agent.encode.CodeNames;
import java.util.Arrays;

/** Functions that one process has compiled, by their addresses in it; none overlaps another. */
final class PerfMap implements CodeNames.Code {
  static final PerfMap EMPTY = new PerfMap(new long[0], new int[0], new int[0], new byte[0][]);

  /** Names are in blocks, so that a map grows without being copied. */
  static final int BLOCK_BITS = 16;

  static final int BLOCK_BYTES = 1 << BLOCK_BITS;

  /** Of one function, beside its name. */
  static final int ENTRY_BYTES = Long.BYTES + Integer.BYTES + Integer.BYTES;

  private final long[] begins;
  private final int[] sizes;

  /** Block and place in it of each name: a byte that is one less than its length, then the name. */
  private final int[] names;

  private final byte[][] blocks;

  /** The arrays become its own. */
  PerfMap(long[] begins, int[] sizes, int[] names, byte[][] blocks) {
    this.begins = begins;
    this.sizes = sizes;
    this.names = names;
    this.blocks = blocks;
  }

  int functions() {
    return begins.length;
  }

  long bytes() {
    long bytes = (long) begins.length * ENTRY_BYTES;
    for (byte[] block : blocks) {
      bytes += block.length;
    }
    return bytes;
  }

  @Override
  public int copyName(long address, byte[] out, int outAt) {
    int found = Arrays.binarySearch(begins, address);
    int function = found < 0 ? -found - 2 : found;
    if (function < 0 || address - begins[function] >= sizes[function]) {
      return 0;
    }
    byte[] block = blocks[names[function] >>> BLOCK_BITS];
    int at = names[function] & (BLOCK_BYTES - 1);
    int length = 1 + (block[at] & 0xff);
    System.arraycopy(block, at + 1, out, outAt, length);
    return length;
  }
}
