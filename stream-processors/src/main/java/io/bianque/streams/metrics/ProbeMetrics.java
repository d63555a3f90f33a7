package io.bianque.streams.metrics;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * What is counted of one probe's events. Thread-safe. Tasks keep it, so that counting an event
 * looks nothing up and allocates nothing.
 */
public final class ProbeMetrics {
  final LongAdder received = new LongAdder();
  final LongAdder receivedBytes = new LongAdder();
  final LongAdder enriched = new LongAdder();
  final LongAdder incomplete = new LongAdder();
  final LongAdder sentBytes = new LongAdder();
  final LongAdder duplicates = new LongAdder();
  final LongAdder holes = new LongAdder();
  final LongAdder clockAhead = new LongAdder();
  final Latency latency = new Latency();

  /** Time of the newest event that has left, in ms; 0 when none has. */
  final AtomicLong newestMs = new AtomicLong();

  /** An event was read. */
  public void received(int bytes) {
    received.increment();
    receivedBytes.add(bytes);
  }

  /**
   * An event has left, for the enriched topic or that of ignored ones.
   *
   * @param eventMs when the kernel saw it, by its host's clock
   */
  public void left(long eventMs, long nowMs) {
    // What comes from ahead would make all later ones look old, and a backlog young.
    if (eventMs <= nowMs && eventMs > newestMs.get()) {
      newestMs.accumulateAndGet(eventMs, Math::max);
    }
  }

  /** A record with that many bytes is sent. */
  public void sent(int bytes) {
    sentBytes.add(bytes);
  }

  /**
   * An event has left for the enriched topic.
   *
   * @param complete whether nothing is missing in it
   */
  public void enriched(boolean complete) {
    enriched.increment();
    if (!complete) {
      incomplete.increment();
    }
  }

  /** How long it took from the kernel to there; less than nothing when its clock is ahead. */
  public void latency(long ms) {
    if (ms < 0) {
      clockAhead.increment();
    }
    latency.record(Math.max(0, ms));
  }

  public void duplicate() {
    duplicates.increment();
  }

  public void holes(long number) {
    holes.add(number);
  }
}
