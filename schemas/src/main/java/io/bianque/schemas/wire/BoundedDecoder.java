package io.bianque.schemas.wire;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;

/**
 * Avro's binary encoding out of one array. Every length is held against the bytes that are left
 * before anything is allocated for it, and a record that ends too early is told from one that is
 * wrong; Avro's own decoder does neither.
 *
 * <p>An array or map may claim at most as many elements as there are bytes left: elements without
 * bytes (null, empty records) have no place in a bounded record.
 */
final class BoundedDecoder extends Decoder {
  /** The record ends within a value. */
  static final class Truncated extends IOException {
    Truncated(String message) {
      super(message);
    }
  }

  /** The bytes are no value of the type that the schema has here. */
  static final class Malformed extends IOException {
    Malformed(String message) {
      super(message);
    }
  }

  /** In eight bytes at once, those that are not ASCII. */
  private static final long NOT_ASCII = 0x8080808080808080L;

  static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private byte[] bytes = new byte[0];
  private boolean malformedText;
  private int start;
  private int position;
  private int end;

  void reset(byte[] record, int from, int to) {
    bytes = record;
    malformedText = false;
    start = from;
    position = from;
    end = to;
  }

  /**
   * Bytes not read yet. Not Avro's remainingBytes, which would have Avro check collections first,
   * in other words.
   */
  int left() {
    return end - position;
  }

  /** Where the next value begins. */
  int position() {
    return position;
  }

  /** The array that is read; not to be changed. */
  byte[] bytes() {
    return bytes;
  }

  @Override
  public void readNull() {}

  @Override
  public boolean readBoolean() throws IOException {
    need(1);
    byte b = bytes[position];
    if (b != 0 && b != 1) {
      throw new Malformed("0x%02x is no boolean%s".formatted(b, at()));
    }
    position++;
    return b == 1;
  }

  @Override
  public int readInt() throws IOException {
    return zigzagInt();
  }

  private int zigzagInt() throws IOException {
    long value = varint(5);
    if (value >>> 32 != 0) {
      throw new Malformed("an int has more than 32 bits" + at());
    }
    int n = (int) value;
    return (n >>> 1) ^ -(n & 1);
  }

  @Override
  public long readLong() throws IOException {
    long n = varint(10);
    return (n >>> 1) ^ -(n & 1);
  }

  private long varint(int maxBytes) throws IOException {
    int at = position;
    if (at < end && bytes[at] >= 0) {
      position = at + 1;
      return bytes[at];
    }
    return longVarint(maxBytes);
  }

  private long longVarint(int maxBytes) throws IOException {
    byte[] from = bytes;
    int at = position;
    int last = Math.min(end, at + maxBytes);
    long value = 0;
    for (int shift = 0; at < last; shift += 7) {
      byte b = from[at++];
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        if (shift == 63 && b > 1) {
          throw new Malformed("a long has more than 64 bits" + at());
        }
        position = at;
        return value;
      }
    }
    if (at == end && end - position < maxBytes) {
      throw new Truncated("the record ends within a number" + at());
    }
    throw new Malformed("a number has more than " + maxBytes + " bytes" + at());
  }

  @Override
  public float readFloat() throws IOException {
    need(4);
    int bits = 0;
    for (int i = 0; i < 4; i++) {
      bits |= (bytes[position++] & 0xff) << (8 * i);
    }
    return Float.intBitsToFloat(bits);
  }

  @Override
  public double readDouble() throws IOException {
    need(8);
    long bits = 0;
    for (int i = 0; i < 8; i++) {
      bits |= (bytes[position++] & 0xffL) << (8 * i);
    }
    return Double.longBitsToDouble(bits);
  }

  @Override
  public Utf8 readString(Utf8 old) throws IOException {
    int length = length();
    Utf8 result = old == null ? new Utf8() : old;
    result.setByteLength(length);
    System.arraycopy(bytes, position, result.getBytes(), 0, length);
    position += length;
    return result;
  }

  @Override
  public String readString() throws IOException {
    int length = length();
    String result = new String(bytes, position, length, StandardCharsets.UTF_8);
    position += length;
    return result;
  }

  /** The same, as one that came before where it can be. */
  String readString(RecentTexts texts) throws IOException {
    int length = length();
    String result = texts.text(bytes, position, length);
    position += length;
    return result;
  }

  @Override
  public void skipString() throws IOException {
    skipBytes();
  }

  /** Skips a text, and looks whether it is one: see {@link #hasMalformedText}. */
  void skipText() throws IOException {
    int length = length();
    malformedText |= !isAscii(position, length) && !isUtf8(position, length);
    position += length;
  }

  /**
   * Whether one of the skipped texts is no UTF-8. That makes no record unreadable, but readers in
   * other languages refuse it: who reads it gets U+FFFD instead, and must pass on that.
   */
  boolean hasMalformedText() {
    return malformedText;
  }

  private boolean isAscii(int from, int length) {
    int at = from;
    int to = from + length;
    long all = 0;
    for (; at <= to - Long.BYTES; at += Long.BYTES) {
      all |= (long) LONGS.get(bytes, at);
    }
    for (; at < to; at++) {
      all |= bytes[at] & 0xff;
    }
    return (all & NOT_ASCII) == 0;
  }

  private boolean isUtf8(int from, int length) {
    byte[] again =
        new String(bytes, from, length, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
    return Arrays.equals(again, 0, again.length, bytes, from, from + length);
  }

  @Override
  public ByteBuffer readBytes(ByteBuffer old) throws IOException {
    byte[] copy = new byte[length()];
    System.arraycopy(bytes, position, copy, 0, copy.length);
    position += copy.length;
    return ByteBuffer.wrap(copy);
  }

  @Override
  public void skipBytes() throws IOException {
    int length = length();
    position += length;
  }

  @Override
  public void readFixed(byte[] target, int offset, int length) throws IOException {
    need(length);
    System.arraycopy(bytes, position, target, offset, length);
    position += length;
  }

  @Override
  public void skipFixed(int length) throws IOException {
    need(length);
    position += length;
  }

  @Override
  public int readEnum() throws IOException {
    return zigzagInt();
  }

  @Override
  public int readIndex() throws IOException {
    return zigzagInt();
  }

  @Override
  public long readArrayStart() throws IOException {
    return blockCount();
  }

  @Override
  public long arrayNext() throws IOException {
    return blockCount();
  }

  @Override
  public long readMapStart() throws IOException {
    return blockCount();
  }

  @Override
  public long mapNext() throws IOException {
    return blockCount();
  }

  @Override
  public long skipArray() throws IOException {
    return skipBlocks();
  }

  @Override
  public long skipMap() throws IOException {
    return skipBlocks();
  }

  /** Skips blocks that say their size; the count of the first that does not, or 0 at the end. */
  private long skipBlocks() throws IOException {
    while (true) {
      long count = readLong();
      if (count >= 0) {
        return bounded(count);
      }
      int size = length();
      position += size;
    }
  }

  /** A negative count is followed by the block's size in bytes, for those who skip it. */
  private long blockCount() throws IOException {
    long count = readLong();
    if (count >= 0) {
      return bounded(count);
    }
    if (count == Long.MIN_VALUE) {
      throw new Malformed("a block has " + count + " elements" + at());
    }
    length();
    return bounded(-count);
  }

  private long bounded(long count) throws IOException {
    if (count > end - position) {
      throw new Truncated(
          "%d elements cannot be in %d bytes%s".formatted(count, end - position, at()));
    }
    return count;
  }

  private int length() throws IOException {
    long length = readLong();
    if (length < 0) {
      throw new Malformed("a length is " + length + at());
    }
    if (length > end - position) {
      throw new Truncated(
          "%d bytes are announced where %d are left%s".formatted(length, end - position, at()));
    }
    return (int) length;
  }

  private void need(int count) throws IOException {
    if (count > end - position) {
      throw new Truncated(
          "%d bytes are needed where %d are left%s".formatted(count, end - position, at()));
    }
  }

  private String at() {
    return " at byte " + (position - start) + " of the body";
  }
}
