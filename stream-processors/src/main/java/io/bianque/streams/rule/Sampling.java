package io.bianque.streams.rule;

/**
 * Which events a sample keeps: those whose {@code event_id} hashes to a multiple of the rate. So
 * the same event is kept or left out wherever and whenever rules look at it.
 *
 * <p>The hash is FNV-1a, 64 bit, of the id, which is ASCII, then MurmurHash3's finalizer: ids that
 * follow each other differ in their last digits, and these reach too few bits of FNV-1a alone.
 */
final class Sampling {
  private Sampling() {}

  static boolean keeps(String eventId, long rate) {
    return Long.remainderUnsigned(hash(eventId), rate) == 0;
  }

  static long hash(String eventId) {
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < eventId.length(); i++) {
      hash = (hash ^ eventId.charAt(i)) * 0x100000001b3L;
    }
    hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return hash ^ (hash >>> 33);
  }
}
