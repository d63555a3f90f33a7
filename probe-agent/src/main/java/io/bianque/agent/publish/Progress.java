package io.bianque.agent.publish;

import java.util.concurrent.TimeUnit;

/** Whether what is with the producer gets acknowledged. Thread-safe. */
final class Progress {
  /**
   * Without an acknowledgement for that long, the broker is taken as away, and new events are
   * better off on disk.
   */
  private static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(3);

  private int inFlight;
  private long since;

  synchronized void sent() {
    if (inFlight++ == 0) {
      since = System.nanoTime();
    }
  }

  synchronized void settled() {
    inFlight--;
    since = System.nanoTime();
  }

  /** Nothing is with a producer any more. */
  synchronized void reset() {
    inFlight = 0;
  }

  synchronized boolean stalled() {
    return inFlight > 0 && System.nanoTime() - since > STALL_NANOS;
  }

  synchronized int inFlight() {
    return inFlight;
  }
}
