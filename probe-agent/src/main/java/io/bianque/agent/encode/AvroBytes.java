package io.bianque.agent.encode;

/** Avro's binary form of numbers. */
final class AvroBytes {
  /** Most bytes of a zig-zag varint of 64 bits. */
  static final int MAX_LONG = 10;

  private AvroBytes() {}

  /** Writes int and long alike, as Avro does; returns the position after it. */
  static int writeLong(long value, byte[] out, int at) {
    long rest = value << 1 ^ value >> 63;
    int position = at;
    while ((rest & ~0x7fL) != 0) {
      out[position++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    out[position++] = (byte) rest;
    return position;
  }

  /** Bytes that {@link #writeLong} takes for a value. */
  static int sizeOfLong(long value) {
    long rest = value << 1 ^ value >> 63;
    return Math.max(1, (70 - Long.numberOfLeadingZeros(rest)) / 7);
  }
}
