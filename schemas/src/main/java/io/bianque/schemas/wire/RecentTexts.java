package io.bianque.schemas.wire;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Texts that came lately: hosts, boots, tasks and devices say the same few again and again, and the
 * same object has its hash already and is compared at a glance. For one thread.
 */
final class RecentTexts {
  /** A power of two; each holds one text at most, a quarter of a MB together. */
  private static final int SLOTS = 1024;

  /** Longer ones say something of their own. */
  private static final int LONGEST = 64;

  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  private record Slot(byte[] utf8, String text) {}

  private final Slot[] slots = new Slot[SLOTS];

  /** The text of bytes in UTF-8. */
  String text(byte[] bytes, int from, int length) {
    if (length > LONGEST) {
      return new String(bytes, from, length, StandardCharsets.UTF_8);
    }
    int index = hash(bytes, from, length) & (SLOTS - 1);
    Slot slot = slots[index];
    if (slot == null
        || !Arrays.equals(slot.utf8, 0, slot.utf8.length, bytes, from, from + length)) {
      slot =
          new Slot(
              Arrays.copyOfRange(bytes, from, from + length),
              new String(bytes, from, length, StandardCharsets.UTF_8));
      slots[index] = slot;
    }
    return slot.text;
  }

  private static int hash(byte[] bytes, int from, int length) {
    long hash = length;
    int at = from;
    int end = from + length;
    for (; at <= end - Long.BYTES; at += Long.BYTES) {
      hash = mixed(hash ^ (long) BoundedDecoder.LONGS.get(bytes, at));
    }
    long rest = 0;
    for (; at < end; at++) {
      rest = rest << 8 | (bytes[at] & 0xff);
    }
    return (int) mixed(hash ^ rest);
  }

  private static long mixed(long hash) {
    long product = hash * 0x9E3779B97F4A7C15L;
    return product ^ product >>> 32;
  }
}
