package io.bianque.standalone.stack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A process by pid and start time, so that a pid which the kernel has given to somebody else
 * meanwhile is never taken for ours.
 *
 * @param startTicks field 22 of /proc/pid/stat: clock ticks between boot and the process' start
 */
public record OwnedProcess(long pid, long startTicks) {

  /** The process with this pid, if there is one. */
  public static Optional<OwnedProcess> of(long pid) {
    return stat(pid).map(fields -> new OwnedProcess(pid, Long.parseLong(fields.get(19))));
  }

  /** True while this very process exists and is not a zombie. */
  public boolean isAlive() {
    return stat(pid)
        .filter(fields -> Long.parseLong(fields.get(19)) == startTicks)
        .filter(fields -> !fields.get(0).equals("Z"))
        .isPresent();
  }

  /**
   * Ends it at once (SIGKILL); nothing happens when it is gone or its pid belongs to another
   * process.
   */
  public void kill() {
    if (isAlive()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  /** Asks it to end (SIGTERM). */
  public void terminate() {
    if (isAlive()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroy);
    }
  }

  /** Resident set in bytes, 0 when the process is gone. */
  public long residentBytes() {
    try {
      return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(0);
    } catch (IOException gone) {
      return 0;
    }
  }

  /**
   * Fields of /proc/pid/stat from the third on: the second, the name, may itself hold blanks and
   * parentheses.
   */
  private static Optional<List<String>> stat(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      return Optional.of(List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" ")));
    } catch (NoSuchFileException gone) {
      return Optional.empty();
    } catch (IOException failed) {
      // A process that ends while its file is read gives ESRCH.
      if (!Files.exists(Path.of("/proc", Long.toString(pid)))
          || String.valueOf(failed.getMessage()).contains("No such process")) {
        return Optional.empty();
      }
      throw new UncheckedIOException(failed);
    }
  }
}
