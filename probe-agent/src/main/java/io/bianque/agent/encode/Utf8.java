package io.bianque.agent.encode;

/**
 * Text that a kernel wrote, which is UTF-8 by convention only: a task may name itself with any
 * bytes. What is malformed becomes U+FFFD exactly as {@code new String(bytes, UTF_8)} does it,
 * without making a String.
 */
final class Utf8 {
  private static final int REPLACEMENT_BYTES = 3;

  private Utf8() {}

  /**
   * Writes a C string as an Avro string: length, then well-formed UTF-8. Ends at the first NUL or
   * at {@code limit}.
   */
  static int writeString(byte[] text, int from, int limit, byte[] out, int outAt) {
    int end = from;
    while (end < limit && text[end] > 0) {
      end++;
    }
    if (end < limit && text[end] < 0) {
      return writeNonAscii(text, from, end, limit, out, outAt);
    }
    int at = AvroBytes.writeLong(end - from, out, outAt);
    System.arraycopy(text, from, out, at, end - from);
    return at + end - from;
  }

  private static int writeNonAscii(
      byte[] text, int from, int asciiEnd, int limit, byte[] out, int outAt) {
    int end = asciiEnd;
    int length = asciiEnd - from;
    while (end < limit && text[end] != 0) {
      int sequence = sequence(text, end, limit);
      length += sequence > 0 ? sequence : REPLACEMENT_BYTES;
      end += Math.abs(sequence);
    }
    int at = AvroBytes.writeLong(length, out, outAt);
    for (int i = from; i < end; ) {
      int sequence = sequence(text, i, limit);
      if (sequence > 0) {
        System.arraycopy(text, i, out, at, sequence);
        at += sequence;
      } else {
        out[at++] = (byte) 0xef;
        out[at++] = (byte) 0xbf;
        out[at++] = (byte) 0xbd;
      }
      i += Math.abs(sequence);
    }
    return at;
  }

  /**
   * Bytes of the well-formed sequence at an offset, or minus the bytes that one U+FFFD replaces.
   */
  private static int sequence(byte[] text, int at, int limit) {
    int first = text[at] & 0xff;
    if (first < 0x80) {
      return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
      return -1;
    }
    int second = at + 1 < limit ? text[at + 1] & 0xff : 0;
    if (!isContinuation(second)
        || (first == 0xe0 && second < 0xa0)
        || (first == 0xf0 && second < 0x90)
        || (first == 0xf4 && second > 0x8f)) {
      return -1;
    }
    if (first < 0xe0) {
      return 2;
    }
    if (at + 2 >= limit || !isContinuation(text[at + 2] & 0xff)) {
      return -2;
    }
    if (first < 0xf0) {
      // A surrogate, which UTF-8 must not hold: Java replaces all three bytes by one character.
      return first == 0xed && second >= 0xa0 ? -3 : 3;
    }
    return at + 3 < limit && isContinuation(text[at + 3] & 0xff) ? 4 : -3;
  }

  private static boolean isContinuation(int b) {
    return (b & 0xc0) == 0x80;
  }
}
