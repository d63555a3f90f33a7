package io.bianque.standalone.stack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Keeps each part's log file within bounds: the last full one beside the current one. */
final class Logs {

  static final long LIMIT_BYTES = 32L << 20;

  private Logs() {}

  /**
   * Copies and truncates rather than renames: the process goes on writing (appending) to the same
   * open file.
   */
  static void keepBounded(Path log) {
    try {
      if (Files.exists(log) && Files.size(log) > LIMIT_BYTES) {
        Files.copy(
            log, log.resolveSibling(log.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
        Files.write(log, new byte[0], StandardOpenOption.TRUNCATE_EXISTING);
      }
    } catch (IOException failed) {
      System.err.println("cannot cut " + log + ": " + failed);
    }
  }
}
