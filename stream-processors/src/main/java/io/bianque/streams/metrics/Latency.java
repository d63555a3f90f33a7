package io.bianque.streams.metrics;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.LongAdder;

/** A histogram of times. Thread-safe; recording allocates nothing. */
final class Latency {
  /**
   * Upper bounds of the buckets in ms: from what a commit takes to a backlog that somebody has to
   * look after.
   */
  private static final long[] BOUNDS_MS = {
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
    3_600_000
  };

  /** Minutes that quantiles are of, at least. */
  private static final int MINUTES = 5;

  /**
   * What was counted up to some moment.
   *
   * @param boundsMs upper bounds, ascending
   * @param counts for each bound what is at or below it and above the one before, and last what is
   *     above all
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  record Snapshot(long[] boundsMs, long[] counts, long sumMs) {
    /** Linear within a bucket, as Prometheus' histogram_quantile; empty of nothing. */
    OptionalDouble quantileMs(double q, Snapshot since) {
      long all = 0;
      for (int i = 0; i < counts.length; i++) {
        all += counts[i] - since.counts[i];
      }
      if (all == 0) {
        return OptionalDouble.empty();
      }
      double rank = q * all;
      long below = 0;
      for (int i = 0; i < boundsMs.length; i++) {
        long here = counts[i] - since.counts[i];
        if (below + here >= rank) {
          double from = i == 0 ? 0.0 : (double) boundsMs[i - 1];
          return OptionalDouble.of(
              here == 0 ? from : from + (boundsMs[i] - from) * (rank - below) / here);
        }
        below += here;
      }
      return OptionalDouble.of((double) boundsMs[boundsMs.length - 1]);
    }
  }

  private final LongAdder[] counts = new LongAdder[BOUNDS_MS.length + 1];
  private final LongAdder sumMs = new LongAdder();

  /** One a minute, the newest last. */
  private final Deque<Snapshot> minutes = new ArrayDeque<>();

  Latency() {
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new LongAdder();
    }
    minutes.add(snapshot());
  }

  void record(long ms) {
    int bucket = 0;
    while (bucket < BOUNDS_MS.length && ms > BOUNDS_MS[bucket]) {
      bucket++;
    }
    counts[bucket].increment();
    sumMs.add(ms);
  }

  Snapshot snapshot() {
    long[] now = new long[counts.length];
    for (int i = 0; i < now.length; i++) {
      now[i] = counts[i].sum();
    }
    return new Snapshot(BOUNDS_MS, now, sumMs.sum());
  }

  synchronized void minuteHasPassed() {
    minutes.add(snapshot());
    if (minutes.size() > MINUTES) {
      minutes.removeFirst();
    }
  }

  /** Of the last minutes. */
  synchronized OptionalDouble recentQuantileMs(double q) {
    return snapshot().quantileMs(q, minutes.getFirst());
  }
}
