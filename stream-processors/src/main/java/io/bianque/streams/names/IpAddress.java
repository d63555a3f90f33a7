package io.bianque.streams.names;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/** An IP address in network order, 4 or 16 bytes. Its text is as RFC 5952 wants it. Immutable. */
public final class IpAddress {
  private final byte[] bytes;

  private IpAddress(byte[] bytes) {
    this.bytes = bytes;
  }

  /** The address, or null when the length is neither 4 nor 16. Keeps the array. */
  public static IpAddress of(byte[] bytes) {
    return bytes.length == 4 || bytes.length == 16 ? new IpAddress(bytes) : null;
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
    InetAddress address = toInetAddress();
    byte[] raw = address.getAddress();
    boolean broadcast = raw.length == 4 && (raw[0] & raw[1] & raw[2] & raw[3] & 0xff) == 0xff;
    return !(address.isAnyLocalAddress()
        || address.isMulticastAddress()
        || address.isLinkLocalAddress()
        || broadcast);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof IpAddress address && Arrays.equals(bytes, address.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return bytes.length == 4 ? dotted(0) : ipv6();
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
