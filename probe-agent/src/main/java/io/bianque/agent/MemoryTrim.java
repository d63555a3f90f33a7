package io.bianque.agent;

import io.bianque.agent.libbpf.OwnMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * When the agent gives memory back: some time after its start, and after each later time that it
 * does again what starts do. Any thread may say so; {@link #turn} is for one.
 */
final class MemoryTrim {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryTrim.class);

  /** By then what a start began, as sending the symbol table, has ended too. */
  private static final long AFTER_START = TimeUnit.SECONDS.toNanos(10);

  private final Path classArchive;
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
    if (!wanted || now - due < 0) {
      return;
    }
    wanted = false;
    try {
      LOG.debug("{} bytes of file mappings given back", OwnMemory.giveBack(classArchive));
    } catch (IOException e) {
      LOG.warn("memory needed only to start stays resident: {}", e.toString());
    }
  }
}
