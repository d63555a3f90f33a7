package io.bianque.agent;

import io.bianque.agent.libbpf.OwnMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * When the agent gives memory back: some time after its start, and after each later time that it
 * does again what starts do; and from then on every two minutes what has grown since. Any thread
 * may say that a start has ended; {@link #turn} is for one.
 */
final class MemoryTrim {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryTrim.class);

  /** By then what a start began, as sending the symbol table, has ended too. */
  private static final long AFTER_START = TimeUnit.SECONDS.toNanos(10);

  /**
   * What survives the heap's small nursery is garbage soon after, but the collector lets the heap
   * grow to its limit before it looks: 13 MB more after three minutes of 1,000 events/s. A look
   * takes some 30 ms.
   */
  private static final long AGAIN = TimeUnit.MINUTES.toNanos(2);

  private final Path classArchive;
  private boolean started;
  private volatile boolean wanted;
  private volatile long due;

  MemoryTrim(Path classArchive) {
    this.classArchive = classArchive;
  }

  /** All that a start needs was done. */
  void startEnded() {
    due = System.nanoTime() + AFTER_START;
    wanted = true;
  }

  /** Gives back what is due at this time of {@link System#nanoTime}. */
  void turn(long now) {
    if (!(wanted || started) || now - due < 0) {
      return;
    }
    boolean first = wanted;
    // Before the work: another start may end meanwhile.
    due = now + AGAIN;
    wanted = false;
    started = true;
    if (!first) {
      OwnMemory.collect();
      return;
    }
    try {
      LOG.debug("{} bytes of file mappings given back", OwnMemory.giveBack(classArchive));
    } catch (IOException e) {
      LOG.warn("memory needed only to start stays resident: {}", e.toString());
    }
  }
}
