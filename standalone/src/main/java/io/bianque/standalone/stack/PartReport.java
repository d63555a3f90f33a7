package io.bianque.standalone.stack;

import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A part as it is now.
 *
 * @param processes its process and that one's descendants; the first is the one that was started
 * @param restarts how often it was started again because it had ended by itself
 * @param since when it came into this state
 * @param detail what is wrong, or how the last process ended
 */
public record PartReport(
    String name,
    PartState state,
    String version,
    URI url,
    Path log,
    List<OwnedProcess> processes,
    int restarts,
    Instant since,
    Optional<String> detail) {

  public PartReport {
    processes = List.copyOf(processes);
  }

  /**
   * The process that does the work: of a launcher and its server, the one that holds more memory.
   */
  public Optional<OwnedProcess> mainProcess() {
    return processes.stream()
        .filter(OwnedProcess::isAlive)
        .max(java.util.Comparator.comparingLong(OwnedProcess::residentBytes));
  }

  public long residentBytes() {
    return processes.stream()
        .filter(OwnedProcess::isAlive)
        .mapToLong(OwnedProcess::residentBytes)
        .sum();
  }
}
