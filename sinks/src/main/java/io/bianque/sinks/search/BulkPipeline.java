package io.bianque.sinks.search;

import io.bianque.sinks.event.Reading.Event;
import io.bianque.sinks.event.SinkCounters;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries batches to the server, several at once, and bounds how many there are.
 *
 * <p>One thread fills the open batch, in turns: {@link #beginTurn}, {@link #add} while there is
 * {@link #room}, {@link #endTurn}. A full batch waits for a sender; one that is not full goes when
 * a sender has nothing else to do and no turn is on, so that a lone event leaves at once and a
 * flood leaves in full batches.
 */
final class BulkPipeline implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(BulkPipeline.class);
  private static final Duration END = Duration.ofSeconds(5);

  private final int maxBytes;
  private final int maxDocuments;
  private final BatchSender sender;
  private final List<Thread> threads;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Condition room = lock.newCondition();

  // All below: under the lock.
  private final Deque<Batch> ready = new ArrayDeque<>();
  private final List<Batch> finished = new ArrayList<>();
  private Batch open = new Batch();
  private boolean inTurn;
  private boolean closed;
  private Optional<RuntimeException> failure = Optional.empty();

  BulkPipeline(SearchSinkConfig config, SearchServer server, SinkCounters counters, String name) {
    maxBytes = config.getInt(SearchSinkConfig.BATCH_BYTES);
    maxDocuments = config.getInt(SearchSinkConfig.BATCH_DOCUMENTS);
    sender = new BatchSender(config, server, counters);
    threads = new ArrayList<>();
    for (int i = 0; i < config.getInt(SearchSinkConfig.MAX_IN_FLIGHT); i++) {
      threads.add(Thread.ofPlatform().name(name + "-sender-" + i).daemon().start(this::carry));
    }
  }

  void beginTurn() {
    locked(() -> inTurn = true);
  }

  void endTurn() {
    locked(() -> {
      inTurn = false;
      work.signal();
    });
  }

  /** Whether another document may be added; waits for it up to {@code patience}. */
  boolean room(Duration patience) throws InterruptedException {
    lock.lock();
    try {
      long left = patience.toNanos();
      while (!ready.isEmpty() && left > 0 && failure.isEmpty()) {
        left = room.awaitNanos(left);
      }
      return ready.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** The batch that the next document goes to. */
  Batch open() {
    lock.lock();
    try {
      return open;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Puts a document into the open batch, and sends that off when it is full. In a turn, with room.
   */
  void add(SinkRecord record, Event reading, Target target) {
    // Nobody else takes the open batch within a turn.
    open().add(record, reading, target);
    locked(() -> {
      if (open.bytes() >= maxBytes || open.documents().size() >= maxDocuments) {
        ready.add(open);
        open = new Batch();
        work.signal();
      }
    });
  }

  /**
   * The batches that were carried out since the last call; their rejections are the caller's to
   * report.
   *
   * @throws RuntimeException when the server refuses what a person has to put right
   */
  List<Batch> finished() {
    lock.lock();
    try {
      if (failure.isPresent()) {
        throw failure.get();
      }
      List<Batch> taken = List.copyOf(finished);
      finished.clear();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  private void carry() {
    try {
      for (Batch batch = take(); batch != null; batch = take()) {
        sender.deliver(batch);
        Batch done = batch;
        locked(() -> finished.add(done));
      }
    } catch (InterruptedException e) {
      LOG.debug("Stopped while sending; what was not confirmed will be delivered again", e);
    } catch (RuntimeException e) {
      locked(() -> {
        failure = Optional.of(e);
        room.signalAll();
      });
    }
  }

  /** Waits for the next batch to send; null when closed. */
  private Batch take() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!closed && ready.isEmpty() && (inTurn || open.documents().isEmpty())) {
        work.await();
      }
      if (closed) {
        return null;
      }
      if (!ready.isEmpty()) {
        room.signal();
        return ready.removeFirst();
      }
      Batch taken = open;
      open = new Batch();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  private void locked(Runnable action) {
    lock.lock();
    try {
      action.run();
    } finally {
      lock.unlock();
    }
  }

  /** Stops sending, a request under way included. */
  @Override
  public void close() {
    locked(() -> {
      closed = true;
      work.signalAll();
    });
    threads.forEach(Thread::interrupt);
    try {
      for (Thread thread : threads) {
        if (!thread.join(END)) {
          LOG.warn("{} did not end within {}", thread.getName(), END);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
