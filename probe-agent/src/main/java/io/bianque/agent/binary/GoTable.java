package io.bianque.agent.binary;

import java.io.IOException;
import java.util.function.LongUnaryOperator;

/**
 * What Go's runtime finds functions by, which no {@code strip} takes away: the section .gopclntab.
 * As in debug/gosym/pclntab.go, of Go 1.18 and later.
 */
final class GoTable {
  private static final long GO_1_18 = 0xfffffff0L;
  private static final long GO_1_20 = 0xfffffff1L;
  private static final int POINTER_BYTES = 8;

  private static final int POINTER_SIZE = 7;
  private static final int FUNCTIONS = 8;
  private static final int TEXT = 24;
  private static final int NAMES = 32;
  private static final int ENTRIES = 64;

  /** Begin of a function, and where it is described; both from the begin of what they lie in. */
  private static final int ENTRY_BYTES = 8;

  /** In a description. */
  private static final int NAME = 4;

  private static final int MOST_NAME_BYTES = 511;

  private GoTable() {}

  /**
   * Tells of its functions.
   *
   * @param begin of the table in the file
   * @param end of the table
   * @param offsetOf an address of the program: where in the file it is, negative: nowhere
   */
  static void functions(
      FileBytes file, long begin, long end, LongUnaryOperator offsetOf, ElfFile.Functions to)
      throws IOException {
    long version = end - begin > ENTRIES + POINTER_BYTES ? file.u32(begin) : 0;
    if ((version != GO_1_18 && version != GO_1_20)
        || file.u8(begin + POINTER_SIZE) != POINTER_BYTES) {
      return;
    }
    long count = file.s64(begin + FUNCTIONS);
    long text = file.s64(begin + TEXT);
    long names = begin + file.s64(begin + NAMES);
    long entries = begin + file.s64(begin + ENTRIES);
    // In a program that the loader moves it is 0 until it has been moved.
    if (text == 0 || count < 0 || count > (end - begin) / ENTRY_BYTES) {
      return;
    }
    for (long at = entries; at < entries + count * ENTRY_BYTES && !to.isFull(); at += ENTRY_BYTES) {
      long entry = file.u32(at);
      long next = file.u32(at + ENTRY_BYTES);
      long described = entries + file.u32(at + 4);
      long offset = offsetOf.applyAsLong(text + entry);
      String name = file.text(names + file.s32(described + NAME), end, MOST_NAME_BYTES);
      if (offset >= 0 && next > entry && !name.isEmpty()) {
        to.function(offset, next - entry, name);
      }
    }
  }
}
