package io.bianque.streams.enrich;

import io.bianque.streams.ledger.EpochKey;

/**
 * What every event says of itself.
 *
 * @param timeNanos wall time, ns since 1970
 */
record EventHeader(
    String hostId, String bootId, long epoch, int cpu, long sequence, long timeNanos) {
  EpochKey epochKey(String probe) {
    return new EpochKey(hostId, bootId, epoch, probe);
  }

  /** Key of the CPU's window in the store. */
  String windowKey(String probe) {
    return hostId + "|" + bootId + "|" + epoch + "|" + probe + "|" + cpu;
  }
}
