package io.bianque.standalone.stack;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Parts that run together. All methods may be called from any thread.
 *
 * <p>A part that ends by itself is started again after a pause that grows from 1 to 30 s; one that
 * was stopped or killed through this class stays down until {@link #start(Collection, Duration)}.
 */
public final class Stack implements AutoCloseable {

  /** Shared by all parts of the stack: one change wakes whoever waits for another part. */
  final ReentrantLock lock = new ReentrantLock();

  final Condition changed = lock.newCondition();

  private final Map<String, Supervised> parts = new LinkedHashMap<>();
  private final Consumer<String> journal;
  private boolean closed;

  /**
   * @param parts in an order in which each comes after those it needs; stopping goes the other way
   * @param journal told one line for each thing that happens to a part
   */
  public Stack(List<Part> parts, Consumer<String> journal) {
    this.journal = journal;
    for (Part part : parts) {
      this.parts.put(part.name(), new Supervised(this, part));
    }
    for (Part part : parts) {
      requireKnown(part, part.startAfter());
      requireKnown(part, part.setUpAfter());
    }
  }

  private void requireKnown(Part part, Iterable<String> needed) {
    for (String name : needed) {
      if (!parts.containsKey(name)) {
        throw new IllegalArgumentException(
            part.name() + " needs " + name + ", which is not in this stack");
      }
    }
  }

  /** Starts everything; returns at once. */
  public void start() {
    parts.values().forEach(Supervised::begin);
  }

  /** Waits until every part that should run is running. False when the time was not enough. */
  public boolean awaitRunning(Duration limit) throws InterruptedException {
    return await(limit, () -> parts.values().stream().allMatch(Supervised::runsAsWanted));
  }

  /**
   * Starts those of the named parts that do not run, and waits until all do. False when the time
   * was not enough.
   */
  public boolean start(Collection<String> names, Duration limit) throws InterruptedException {
    List<Supervised> asked = names.stream().map(this::part).toList();
    asked.forEach(Supervised::begin);
    return await(limit, () -> asked.stream().allMatch(Supervised::runsAsWanted));
  }

  /**
   * Ends a part as {@code down} does (SIGTERM, after its grace SIGKILL) and leaves it down. Returns
   * when it is gone.
   */
  public void stop(String name) throws InterruptedException {
    Supervised part = part(name);
    part.leaveDown();
    part.end(part.part.grace());
  }

  /**
   * Kills a part and its descendants with SIGKILL and leaves it down. Returns when they are gone.
   */
  public void kill(String name) throws InterruptedException {
    Supervised part = part(name);
    part.leaveDown();
    part.end(Duration.ZERO);
  }

  /** Each part as it is now, in starting order. */
  public List<PartReport> report() {
    lock.lock();
    try {
      return parts.values().stream().map(Supervised::report).toList();
    } finally {
      lock.unlock();
    }
  }

  public PartReport report(String name) {
    lock.lock();
    try {
      return part(name).report();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Stops everything in reverse order, each part within its grace, and returns when all are gone.
   */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    List<Supervised> reverse = new ArrayList<>(parts.values()).reversed();
    reverse.forEach(part -> part.leaveDown());
    for (Supervised part : reverse) {
      try {
        part.end(part.part.grace());
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        part.killNow();
      }
    }
  }

  boolean isClosed() {
    return closed;
  }

  void journal(Part part, String line) {
    journal.accept(
        Instant.now().truncatedTo(java.time.temporal.ChronoUnit.MILLIS)
            + " "
            + part.name()
            + ": "
            + line);
  }

  boolean haveRun(Iterable<String> names) {
    for (String name : names) {
      if (!part(name).hasRun) {
        return false;
      }
    }
    return true;
  }

  private Supervised part(String name) {
    Supervised part = parts.get(name);
    if (part == null) {
      throw new IllegalArgumentException("no part " + name + "; there are " + parts.keySet());
    }
    return part;
  }

  /** Waits for a condition on the parts' state. False when the time was not enough. */
  boolean await(Duration limit, BooleanSupplier condition) throws InterruptedException {
    long left = limit.toNanos();
    lock.lockInterruptibly();
    try {
      while (!condition.getAsBoolean()) {
        if (left <= 0) {
          return false;
        }
        left = changed.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }
}
