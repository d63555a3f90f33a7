package io.bianque.streams.enrich;

/**
 * What every event says of itself.
 *
 * @param timeNanos wall time, ns since 1970
 */
record EventHeader(
    String hostId, String bootId, long epoch, int cpu, long sequence, long timeNanos) {}
