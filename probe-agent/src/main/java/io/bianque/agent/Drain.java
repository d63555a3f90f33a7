package io.bianque.agent;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.probe.ProbeState.Failed;
import io.bianque.agent.probe.Probes;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;

/**
 * Looks at the event channels again and again, often under load and seldom at rest: without a
 * wake-up an event, the price of being at rest is one look each interval.
 */
final class Drain {
  private static final int TURN = 4096;

  /** What one look should find: more, and the next one comes sooner; less, and it comes later. */
  private static final int AIM = 64;

  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private final Probes probes;
  private final long busyNanos;
  private final long idleNanos;
  private final long pollNanos;
  private final LongConsumer everySecond;
  private volatile boolean stop;
  private boolean ends;
  private long stopAt;
  private volatile Thread thread;
  private Thread retrying;
  private volatile Instant retryAt;

  /**
   * @param everySecond called between two looks, about once a second, with the time
   */
  Drain(Probes probes, AgentConfig config, LongConsumer everySecond) {
    this.probes = probes;
    this.everySecond = everySecond;
    this.busyNanos = config.events().busyInterval().toNanos();
    this.idleNanos = config.events().idleInterval().toNanos();
    this.pollNanos = config.intervals().snapshots().toNanos();
  }

  /** Drains on the calling thread until {@link #stop}. */
  void run() {
    thread = Thread.currentThread();
    noteRetry();
    long pause = idleNanos;
    long nextSecond = System.nanoTime();
    long nextPoll = nextSecond + pollNanos;
    while (!stop) {
      long now = System.nanoTime();
      if (ends && now - stopAt >= 0) {
        return;
      }
      if (now - nextSecond >= 0) {
        nextSecond = now + SECOND;
        probes.refreshClockOffset();
        retryFailed();
        everySecond.accept(now);
      }
      // After a standstill each has one turn, not as many as it missed.
      nextPoll = now - nextPoll > pollNanos ? now - pollNanos : nextPoll;
      while (now - nextPoll >= 0) {
        nextPoll += pollNanos / Math.max(1, probes.pollNext());
      }
      int taken = probes.drain(TURN);
      if (taken == TURN) {
        continue;
      }
      pause = Math.clamp(pause * AIM / Math.max(taken, 1), busyNanos, idleNanos);
      LockSupport.parkNanos(this, pause);
    }
  }

  /** Ends {@link #run} after that long. */
  void stopAfter(Duration duration) {
    stopAt = System.nanoTime() + duration.toNanos();
    ends = true;
  }

  /** Ends {@link #run} soon. Any thread. */
  void stop() {
    stop = true;
    LockSupport.unpark(thread);
  }

  /** Loading takes some 30 ms, in which this thread goes on draining. */
  private void retryFailed() {
    Instant due = retryAt;
    if (due != null && Instant.now().isAfter(due) && (retrying == null || !retrying.isAlive())) {
      retrying =
          Thread.ofPlatform()
              .daemon()
              .name("bq-retry")
              .start(() -> {
                probes.retryFailed();
                noteRetry();
              });
    }
  }

  /** To be called when somebody else has started or stopped a probe. Any thread. */
  void noteRetry() {
    retryAt =
        probes.report().stream()
            .flatMap(report ->
                report.state() instanceof Failed failed ? failed.retryAt().stream() : null)
            .min(Instant::compareTo)
            .orElse(null);
  }
}
