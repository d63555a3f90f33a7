package io.bianque.agent.container;

import io.bianque.agent.container.CgroupEvents.Change;
import io.bianque.agent.container.ContainerWatch.Said;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the host's cgroups in a thread of its own, whatever else the agent waits for: who comes
 * and goes meanwhile would be missed for good.
 */
public final class ContainerFollower {
  private static final Logger LOG = LoggerFactory.getLogger(ContainerFollower.class);

  /** Times the look: however many cgroups there are, looking takes 0.5 % of one core at most. */
  private static final int PAUSE_OF_LOOKS = 200;

  /** Times the interval, however dear looks are. */
  private static final int LONGEST_PAUSE = 10;

  /** A container's cgroups in all hierarchies come within it, and are told of together. */
  private static final Duration BETWEEN_TURNS = Duration.ofMillis(10);

  /** While more come than are looked at. */
  private static final Duration BETWEEN_TURNS_OF_STORM = Duration.ofMillis(100);

  /** So that a stop need not wait for an event. */
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(1);

  private final ContainerWatch watch;
  private final long intervalNanos;
  private final Consumer<List<Said>> to;
  private volatile boolean stopped;
  private long lastLookNanos;

  /**
   * @param to is told by one thread at a time, in the order of what became known
   */
  public ContainerFollower(ContainerWatch watch, Duration interval, Consumer<List<Said>> to) {
    this.watch = watch;
    this.intervalNanos = interval.toNanos();
    this.to = to;
  }

  /** Says all that is known from earlier runs, and goes on with what changes. */
  public void start() {
    sayAll();
    var _ = Thread.ofPlatform().daemon().name("bq-cgroups").start(this::run);
  }

  /** Says all that is known once more. Any thread. */
  public synchronized void sayAll() {
    to.accept(watch.all());
  }

  /** Keeps what is known for the next run. */
  public synchronized void stop() {
    stopped = true;
    watch.keep();
  }

  private void run() {
    try (CgroupEvents events = watch.events()) {
      events.open();
      long due = System.nanoTime();
      while (!stopped) {
        try {
          long skipped = events.told().skipped();
          due = turn(events, due);
          Thread.sleep(events.told().skipped() == skipped ? BETWEEN_TURNS : BETWEEN_TURNS_OF_STORM);
        } catch (RuntimeException e) {
          LOG.error("cgroups are followed further after an error that should not be", e);
          Thread.sleep(LONGEST_WAIT);
        }
      }
    } catch (InterruptedException nobodys) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * A look, or what the kernel tells until it is due.
   *
   * @return when the next look is due
   */
  private long turn(CgroupEvents events, long due) throws InterruptedException {
    long left = due - System.nanoTime();
    if (left <= 0) {
      return look();
    }
    heed(events.next(Duration.ofNanos(Math.min(left, LONGEST_WAIT.toNanos()))));
    return due;
  }

  private synchronized long look() {
    long began = System.nanoTime();
    to.accept(watch.look());
    long ended = System.nanoTime();
    // One that was slow for another reason, as the first of a young JVM, does not count.
    long dear = Math.min(ended - began, lastLookNanos) * PAUSE_OF_LOOKS;
    lastLookNanos = ended - began;
    return ended + Math.clamp(dear, intervalNanos, intervalNanos * LONGEST_PAUSE);
  }

  private synchronized void heed(List<Change> changes) {
    if (!changes.isEmpty()) {
      to.accept(watch.heed(changes));
    }
  }
}
