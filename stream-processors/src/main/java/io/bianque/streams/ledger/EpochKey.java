package io.bianque.streams.ledger;

/** The life of one probe's counters on one host. */
public record EpochKey(String hostId, String bootId, long epoch, String probe) {
  String storeKey() {
    return hostId + "|" + probe + "|" + bootId + "|" + epoch;
  }

  /** Key under which the store keeps which epoch is the host's and probe's latest. */
  static String latestKey(String hostId, String probe) {
    return "latest|" + hostId + "|" + probe;
  }
}
