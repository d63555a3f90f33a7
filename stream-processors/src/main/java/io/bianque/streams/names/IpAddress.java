package io.bianque.streams.names;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** An IP address in network order, 4 or 16 bytes. Its text is as RFC 5952 wants it. Immutable. */
public final class IpAddress {
  private static final String IPV4 = "(0|[1-9][0-9]{0,2})(\\.(0|[1-9][0-9]{0,2})){3}";
  private static final String IPV6 = "[0-9a-fA-F:.]*:[0-9a-fA-F:.]*";

  private final byte[] bytes;

  /** Made when it is asked for; threads that make it at once make the same. */
  private String text;

  private IpAddress(byte[] bytes) {
    this.bytes = bytes;
  }

  /** The address, or null when the length is neither 4 nor 16. Keeps the array. */
  public static IpAddress of(byte[] bytes) {
    return bytes.length == 4 || bytes.length == 16 ? new IpAddress(bytes) : null;
  }

  /**
   * The address of a text, which DNS is never asked for: of IPv4 four decimal numbers without
   * leading zeros, which some take for octal. Empty when it is none.
   */
  public static Optional<IpAddress> parse(String text) {
    if (!text.matches(IPV4) && !text.matches(IPV6)) {
      return Optional.empty();
    }
    try {
      return Optional.of(new IpAddress(InetAddress.ofLiteral(text).getAddress()));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** As {@link InetAddress}: an IPv4 address that is mapped into IPv6 becomes an IPv4 one. */
  public InetAddress toInetAddress() {
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new AssertionError("length was checked", e);
    }
  }

  /**
   * Whether a name of it can mean anything to the whole network: not of multicast, broadcast,
   * link-local, unspecified.
   */
  public boolean mayHaveName() {
    // Each event asks it of two addresses.
    long high = high();
    if (isIpv4()) {
      long bits = high >>> 32;
      return bits != 0 && bits >>> 28 != 0xe && bits >>> 16 != 0xa9fe && bits != 0xffffffffL;
    }
    return (high | low()) != 0 && high >>> 56 != 0xff && high >>> 54 != 0x3fa;
  }

  /** Whether it is of IPv4, also one that is mapped into IPv6. */
  public boolean isIpv4() {
    return bytes.length == 4 || isMapped();
  }

  /** Its first 64 bits; of an IPv4 address all 32, and zeros behind them. */
  public long high() {
    return isIpv4() ? bits(bytes.length - 4, 4) << 32 : bits(0, 8);
  }

  /** Its last 64 bits; of an IPv4 address none: 0. */
  public long low() {
    return isIpv4() ? 0 : bits(8, 8);
  }

  /** The address with that many bits from the front, and zeros behind them. */
  public IpAddress prefix(int length) {
    byte[] first = bytes.clone();
    for (int i = 0; i < first.length; i++) {
      int kept = Math.clamp(length - 8L * i, 0, 8);
      first[i] &= (byte) (0xff << (8 - kept));
    }
    return new IpAddress(first);
  }

  private long bits(int from, int length) {
    long bits = 0;
    for (int i = from; i < from + length; i++) {
      bits = bits << 8 | (bytes[i] & 0xff);
    }
    return bits;
  }

  /** Whether these are its bytes. */
  boolean is(ByteBuffer other) {
    return other.equals(ByteBuffer.wrap(bytes));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof IpAddress address && Arrays.equals(bytes, address.bytes);
  }

  @Override
  public int hashCode() {
    // Multiplied by the golden ratio, for addresses that are near each other are used together. By
    // Arrays.hashCode 10.1.0.31 and 10.1.1.0 have the same, and the 65,536 of 10.1.0.0/16 some
    // 8,000.
    return (int) (((high() ^ Long.rotateLeft(low(), 32)) * 0x9e3779b97f4a7c15L) >>> 32);
  }

  @Override
  public String toString() {
    String known = text;
    if (known == null) {
      known = bytes.length == 4 ? dotted(0) : ipv6();
      text = known;
    }
    return known;
  }

  private String dotted(int from) {
    return (bytes[from] & 0xff)
        + "."
        + (bytes[from + 1] & 0xff)
        + "."
        + (bytes[from + 2] & 0xff)
        + "."
        + (bytes[from + 3] & 0xff);
  }

  private String ipv6() {
    if (isMapped()) {
      return "::ffff:" + dotted(12);
    }
    int bestStart = -1;
    int bestLength = 1; // a single group of zeros is not shortened
    for (int i = 0; i < 8; i++) {
      int length = 0;
      while (i + length < 8 && group(i + length) == 0) {
        length++;
      }
      if (length > bestLength) {
        bestStart = i;
        bestLength = length;
      }
      i += length;
    }
    StringBuilder text = new StringBuilder(39);
    for (int i = 0; i < 8; i++) {
      if (i == bestStart) {
        text.append("::");
        i += bestLength - 1;
        continue;
      }
      if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
        text.append(':');
      }
      text.append(Integer.toHexString(group(i)));
    }
    return text.toString();
  }

  private boolean isMapped() {
    for (int i = 0; i < 10; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return group(5) == 0xffff;
  }

  private int group(int index) {
    return (bytes[2 * index] & 0xff) << 8 | (bytes[2 * index + 1] & 0xff);
  }
}
