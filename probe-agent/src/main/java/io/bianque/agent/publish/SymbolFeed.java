package io.bianque.agent.publish;

import io.bianque.facts.SymbolChunk;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tables of symbols on their way to the broker: those that this host was asked for, or all of them
 * where nobody can ask. Of a table one chunk is in memory at a time. For the publisher thread, but
 * for {@link #ask}.
 */
public final class SymbolFeed {
  private static final Logger LOG = LoggerFactory.getLogger(SymbolFeed.class);

  private final Tables tables;
  private final boolean unasked;
  private final BlockingQueue<SymbolChunk> chunks = new ArrayBlockingQueue<>(1);

  /** Not read yet; guarded by itself. */
  private final Set<String> asked = new HashSet<>();

  private final Set<String> published = new HashSet<>();
  private boolean allDue;
  private Thread reader;
  private volatile boolean reading;
  private Runnable wakePublisher;

  /** The tables that this host has. */
  @FunctionalInterface
  public interface Tables {
    /**
     * Hands each chunk to the sink, which may keep the calling thread waiting.
     *
     * @param wanted which tables, by {@code <build id>/<object>}
     */
    void stream(Predicate<String> wanted, Consumer<SymbolChunk> sink);
  }

  /**
   * @param tables called by a thread of its own
   * @param unasked whether all are published though nobody asks
   */
  public SymbolFeed(Tables tables, boolean unasked) {
    this.tables = tables;
    this.unasked = unasked;
    this.allDue = unasked;
  }

  /**
   * Begins.
   *
   * @param wake called by other threads when there is something to do
   */
  void start(Runnable wake) {
    this.wakePublisher = wake;
  }

  /** Makes tables due, each {@code <build id>/<object>}. Any thread. */
  public void ask(Set<String> more) {
    synchronized (asked) {
      asked.addAll(more);
    }
    wakePublisher.run();
  }

  /** A module came or went. */
  void modulesChanged() {
    allDue = unasked;
  }

  /** A producer was lost with what it had. */
  void again() {
    stop();
    chunks.clear();
    reading = false;
    allDue = unasked;
    synchronized (asked) {
      asked.addAll(published);
    }
  }

  /** Whether a chunk waits to be published. */
  boolean isReady() {
    return !chunks.isEmpty();
  }

  /** The next chunk to publish; null when none is there. */
  SymbolChunk poll() {
    SymbolChunk next = chunks.poll();
    if (next == null && !reading) {
      read();
    }
    return next;
  }

  void stop() {
    if (reader != null) {
      reader.interrupt();
    }
  }

  private void read() {
    Set<String> due;
    synchronized (asked) {
      due = Set.copyOf(asked);
      asked.clear();
    }
    boolean all = allDue;
    allDue = false;
    if (!all && due.isEmpty()) {
      return;
    }
    published.addAll(due);
    reading = true;
    reader =
        Thread.ofPlatform()
            .daemon()
            .name("bq-symbols")
            .start(() -> read(all ? _ -> true : due::contains));
  }

  private void read(Predicate<String> wanted) {
    try {
      tables.stream(wanted, this::handOver);
    } catch (CancellationException again) {
      // The producer that had the first chunks is gone: another reader begins anew.
      return;
    } catch (RuntimeException e) {
      LOG.warn("no symbol table is published: {}", e.getMessage());
    }
    reading = false;
    wakePublisher.run();
  }

  private void handOver(SymbolChunk chunk) {
    try {
      chunks.put(chunk);
      wakePublisher.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException();
    }
  }
}
