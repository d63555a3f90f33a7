package io.bianque.agent;

import io.bianque.agent.libbpf.OwnMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * When the agent gives memory back: some time after its start, after each later time that it does
 * again what starts do, and when it has grown since. Any thread may say that a start has ended;
 * {@link #turn} is for one.
 */
final class MemoryTrim {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryTrim.class);

  /** By then what a start began, as sending the symbol table, has ended too. */
  private static final long AFTER_START = TimeUnit.SECONDS.toNanos(10);

  private static final long LOOK = TimeUnit.MINUTES.toNanos(2);

  /**
   * Between two times. Giving back begins with a collection, which goes through the archive of
   * classes: what it gave back the last time is read from the disk again, for which all threads
   * wait 200 ms. A load that needs the memory would get it back at once.
   */
  private static final long AGAIN = TimeUnit.MINUTES.toNanos(10);

  /** More than what comes and goes at the same load: batches, code that is compiled late. */
  private static final long GROWN = 4 << 20;

  private final Path classArchive;
  private volatile boolean wanted;
  private volatile long due;
  private long lookAt;
  private long again;
  private long least = Long.MAX_VALUE;

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
    if (wanted && now - due >= 0) {
      // Before the work: another start may end meanwhile.
      wanted = false;
      giveBack(now);
    } else if (lookAt != 0 && now - lookAt >= 0) {
      lookAt = now + LOOK;
      long resident = OwnMemory.residentBytes();
      least = Math.min(least, resident);
      if (resident > least + GROWN && now - again >= 0) {
        giveBack(now);
      }
    }
  }

  private void giveBack(long now) {
    lookAt = now + LOOK;
    again = now + AGAIN;
    try {
      LOG.debug("{} bytes of file mappings given back", OwnMemory.giveBack(classArchive));
    } catch (IOException e) {
      LOG.warn("memory that is not needed any more stays resident: {}", e.toString());
    }
  }
}
