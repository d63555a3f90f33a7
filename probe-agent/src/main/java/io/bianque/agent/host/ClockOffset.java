package io.bianque.agent.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/** How the kernel's event time relates to wall time. Any thread. */
public final class ClockOffset {
  private static final int SAMPLES = 9;

  /**
   * What a time namespace adds to CLOCK_MONOTONIC for this process, but not for bpf_ktime_get_ns().
   */
  private static final long NAMESPACE_OFFSET =
      namespaceOffset(Path.of("/proc/self/timens_offsets"));

  private ClockOffset() {}

  /**
   * CLOCK_REALTIME - CLOCK_MONOTONIC in ns, now: of several samples the one whose two clock
   * readings were closest to each other. {@link System#nanoTime} is CLOCK_MONOTONIC in ns since
   * boot in HotSpot on Linux, which saves a native call.
   */
  public static long measureNanos() {
    long best = 0;
    long bestGap = Long.MAX_VALUE;
    for (int i = 0; i < SAMPLES; i++) {
      long before = System.nanoTime();
      Instant now = Instant.now();
      long gap = System.nanoTime() - before;
      if (gap < bestGap) {
        bestGap = gap;
        long wall = TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
        best = wall - (before + gap / 2);
      }
    }
    return best + NAMESPACE_OFFSET;
  }

  /** Lines of {@code monotonic <seconds> <nanoseconds>}; the file is there since 5.6. */
  static long namespaceOffset(Path offsets) {
    if (!Files.isReadable(offsets)) {
      return 0;
    }
    try {
      for (String line : Files.readAllLines(offsets)) {
        String[] words = line.trim().split("\\s+", -1);
        if (words.length == 3 && words[0].equals("monotonic")) {
          return TimeUnit.SECONDS.toNanos(Long.parseLong(words[1])) + Long.parseLong(words[2]);
        }
      }
      return 0;
    } catch (IOException | NumberFormatException e) {
      throw new HostException(offsets + ": cannot be read: " + e, e);
    }
  }
}
