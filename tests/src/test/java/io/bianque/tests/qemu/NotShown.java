package io.bianque.tests.qemu;

import java.util.List;
import java.util.Optional;

/**
 * Probes whose events have not been seen on a kernel yet, each with the reason, in {@code
 * not-shown.txt}. A test that fails there is skipped, saying so; one that passes shows that the
 * line can go.
 */
record NotShown(String probe, String series, String reason) {
  private static final String ON_ALL = "*";

  private static final List<NotShown> ALL =
      Trigger.resource("not-shown.txt")
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .map(line -> line.split(" +", 3))
          .map(words -> new NotShown(words[0], words[1], words[2]))
          .toList();

  /** Why that probe is not shown there. */
  static Optional<String> reason(String probe, DebianKernel kernel) {
    return ALL.stream()
        .filter(each -> each.probe.equals(probe))
        .filter(each -> each.series.equals(ON_ALL) || each.series.equals(kernel.series()))
        .map(NotShown::reason)
        .findFirst();
  }

  /** Whether there is a kernel on which it is not shown. */
  static boolean knows(String probe) {
    return ALL.stream().anyMatch(each -> each.probe.equals(probe));
  }

  /** Those that are named. */
  static List<String> probes() {
    return ALL.stream().map(NotShown::probe).distinct().toList();
  }
}
