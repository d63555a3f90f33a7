package io.bianque.streams.names;

import java.nio.ByteBuffer;

/**
 * Addresses that came lately, with their texts: a fleet's hosts talk to the same ones. For one
 * thread.
 */
public final class RecentAddresses {
  /** A power of two; each holds one address at most, a quarter of a MB together. */
  private static final int SLOTS = 2048;

  private static final int SHIFT = Long.SIZE - Integer.numberOfTrailingZeros(SLOTS);

  /** Made with the first: most probes' events have no addresses. */
  private IpAddress[] slots;

  /** The address of bytes in network order, or null when they are neither 4 nor 16. */
  public IpAddress of(ByteBuffer bytes) {
    int begin = bytes.position();
    long bits;
    switch (bytes.remaining()) {
      case 4 -> bits = bytes.getInt(begin);
      case 16 -> bits = bytes.getLong(begin) ^ Long.rotateLeft(bytes.getLong(begin + 8), 32);
      default -> {
        return null;
      }
    }
    int slot = (int) ((bits * 0x9e3779b97f4a7c15L) >>> SHIFT);
    if (slots == null) {
      slots = new IpAddress[SLOTS];
    }
    IpAddress known = slots[slot];
    if (known == null || !known.is(bytes)) {
      byte[] copy = new byte[bytes.remaining()];
      bytes.duplicate().get(copy);
      known = IpAddress.of(copy);
      slots[slot] = known;
    }
    return known;
  }
}
