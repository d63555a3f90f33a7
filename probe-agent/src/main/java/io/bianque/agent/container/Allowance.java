package io.bianque.agent.container;

import java.time.Duration;
import java.util.function.LongSupplier;

/** How much may be done: a burst at once, and in the long run so much a second. For one thread. */
final class Allowance {
  private static final double NANOS = Duration.ofSeconds(1).toNanos();

  private final int burst;
  private final double perNano;
  private final LongSupplier nanoTime;
  private double left;
  private long at;

  Allowance(int burst, int perSecond, LongSupplier nanoTime) {
    this.burst = burst;
    this.perNano = perSecond / NANOS;
    this.nanoTime = nanoTime;
    this.left = burst;
    this.at = nanoTime.getAsLong();
  }

  /** Whether one more may be done now. */
  boolean take() {
    long now = nanoTime.getAsLong();
    left = Math.min(burst, left + (now - at) * perNano);
    at = now;
    if (left < 1) {
      return false;
    }
    left--;
    return true;
  }
}
