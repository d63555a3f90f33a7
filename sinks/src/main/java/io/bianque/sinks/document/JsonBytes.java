package io.bianque.sinks.document;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.apache.avro.util.Utf8;

/**
 * A growing buffer that JSON is written into as UTF-8 bytes.
 *
 * <p>Every value is followed by a comma. {@link #end} turns the last one into the closing bracket,
 * so that a writer never has to know whether a member is the first or whether an optional one will
 * follow.
 *
 * <p>Not for concurrent use. {@link #array} is the live buffer, valid until the next write.
 */
public final class JsonBytes {
  private static final byte[] HEX_DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  /**
   * By byte value: 0 = written as it is, 'u' = written as \\u00XX, else the letter after the
   * backslash.
   */
  private static final byte[] ESCAPES = new byte[128];

  static {
    Arrays.fill(ESCAPES, 0, 0x20, (byte) 'u');
    ESCAPES['"'] = '"';
    ESCAPES['\\'] = '\\';
    ESCAPES['\b'] = 'b';
    ESCAPES['\f'] = 'f';
    ESCAPES['\n'] = 'n';
    ESCAPES['\r'] = 'r';
    ESCAPES['\t'] = 't';
  }

  private byte[] bytes;
  private int length;

  public JsonBytes(int capacity) {
    bytes = new byte[Math.max(capacity, 64)];
  }

  public byte[] array() {
    return bytes;
  }

  public int length() {
    return length;
  }

  /** Forgets what was written from {@code newLength} on. */
  public void truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new IndexOutOfBoundsException("cannot truncate " + length + " bytes to " + newLength);
    }
    length = newLength;
  }

  public byte[] copy() {
    return Arrays.copyOf(bytes, length);
  }

  public JsonBytes raw(int b) {
    room(1);
    bytes[length++] = (byte) b;
    return this;
  }

  public JsonBytes raw(JsonBytes source) {
    return raw(source.bytes, 0, source.length);
  }

  public JsonBytes raw(byte[] source) {
    return raw(source, 0, source.length);
  }

  public JsonBytes raw(byte[] source, int offset, int count) {
    room(count);
    System.arraycopy(source, offset, bytes, length, count);
    length += count;
    return this;
  }

  /**
   * Closes the object or array: the comma after its last member becomes {@code close}, which gets a
   * comma itself.
   */
  public JsonBytes end(char close) {
    if (length > 0 && bytes[length - 1] == ',') {
      length--;
    }
    return raw(close).raw(',');
  }

  /** Takes back the comma after the outermost value. */
  public JsonBytes finish() {
    if (length > 0 && bytes[length - 1] == ',') {
      length--;
    }
    return this;
  }

  public JsonBytes string(CharSequence text) {
    if (text instanceof Utf8 utf8) {
      return utf8(utf8.getBytes(), utf8.getByteLength());
    }
    byte[] encoded = text.toString().getBytes(StandardCharsets.UTF_8);
    return quoted(encoded, encoded.length);
  }

  /**
   * A string from bytes that claim to be UTF-8; what is malformed in them becomes U+FFFD, so that
   * the JSON stays valid.
   */
  private JsonBytes utf8(byte[] source, int count) {
    int any = 0;
    for (int i = 0; i < count; i++) {
      any |= source[i];
    }
    if (any >= 0) {
      return quoted(source, count);
    }
    byte[] repaired =
        new String(source, 0, count, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
    return quoted(repaired, repaired.length);
  }

  private JsonBytes quoted(byte[] source, int count) {
    room(6 * count + 3);
    byte[] out = bytes;
    int at = length;
    out[at++] = '"';
    for (int i = 0; i < count; i++) {
      byte b = source[i];
      byte escape = b < 0 ? 0 : ESCAPES[b];
      if (escape == 0) {
        out[at++] = b;
      } else {
        out[at++] = '\\';
        out[at++] = escape;
        if (escape == 'u') {
          out[at++] = '0';
          out[at++] = '0';
          out[at++] = HEX_DIGITS[b >> 4];
          out[at++] = HEX_DIGITS[b & 15];
        }
      }
    }
    out[at++] = '"';
    out[at++] = ',';
    length = at;
    return this;
  }

  public JsonBytes number(long value) {
    digits(value);
    return raw(',');
  }

  /** JSON has no NaN and no infinity; they become null. */
  public JsonBytes number(double value) {
    return ascii(Double.isFinite(value) ? Double.toString(value) : "null").raw(',');
  }

  public JsonBytes number(float value) {
    return ascii(Float.isFinite(value) ? Float.toString(value) : "null").raw(',');
  }

  public JsonBytes bool(boolean value) {
    return ascii(value ? "true" : "false").raw(',');
  }

  /** The bytes as a string of lower-case hex digits. */
  public JsonBytes hex(ByteBuffer value) {
    byte[] copy = new byte[value.remaining()];
    value.get(value.position(), copy);
    raw('"');
    ascii(HexFormat.of().formatHex(copy));
    return raw('"').raw(',');
  }

  JsonBytes ascii(String text) {
    int count = text.length();
    room(count);
    for (int i = 0; i < count; i++) {
      bytes[length++] = (byte) text.charAt(i);
    }
    return this;
  }

  /** The decimal digits of {@code value} without a comma. */
  private void digits(long value) {
    if (value == Long.MIN_VALUE) {
      ascii("-9223372036854775808");
      return;
    }
    room(20);
    long rest = value;
    if (rest < 0) {
      bytes[length++] = '-';
      rest = -rest;
    }
    int count = 1;
    for (long limit = 10; count < 19 && rest >= limit; limit *= 10) {
      count++;
    }
    padded(rest, count);
  }

  /** {@code value} in exactly {@code count} digits, zeros before it; without a comma. */
  JsonBytes padded(long value, int count) {
    room(count);
    long rest = value;
    for (int i = length + count - 1; i >= length; i--) {
      bytes[i] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    length += count;
    return this;
  }

  private void room(int count) {
    if (bytes.length - length < count) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, Math.addExact(length, count)));
    }
  }
}
