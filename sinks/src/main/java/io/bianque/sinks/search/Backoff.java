package io.bianque.sinks.search;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before the next attempt: doubling, bounded, and not the same for all who failed
 * together.
 */
final class Backoff {
  private final Duration first;
  private final Duration most;
  private int failures;

  Backoff(Duration first, Duration most) {
    this.first = first;
    this.most = most;
  }

  Duration next() {
    long doubled = first.toMillis() << Math.min(failures++, 16);
    long bounded = Math.min(doubled, most.toMillis());
    return Duration.ofMillis(bounded / 2 + ThreadLocalRandom.current().nextLong(bounded / 2 + 1));
  }

  void reset() {
    failures = 0;
  }
}
