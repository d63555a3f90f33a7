package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A perf event that comes so often a second on one CPU, whatever it does: the kernel's software
 * clock, which virtual machines without a performance counter have too.
 */
final class PerfClock {
  // struct perf_event_attr, include/uapi/linux/perf_event.h
  private static final int ATTR_BYTES = 112;
  private static final int ATTR_TYPE = 0;
  private static final int ATTR_SIZE = 4;
  private static final int ATTR_CONFIG = 8;
  private static final int ATTR_SAMPLE_FREQ = 16;
  private static final int ATTR_FLAGS = 40;

  private static final int PERF_TYPE_SOFTWARE = 1;
  private static final long PERF_COUNT_SW_CPU_CLOCK = 0;
  private static final long FLAG_FREQ = 1 << 10;
  private static final long PERF_FLAG_FD_CLOEXEC = 8;

  private PerfClock() {}

  /** Its file; negative: {@code -errno}. */
  static int open(int cpu, int hertz) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment attr = arena.allocate(ATTR_BYTES, Long.BYTES);
      attr.set(JAVA_INT, ATTR_TYPE, PERF_TYPE_SOFTWARE);
      attr.set(JAVA_INT, ATTR_SIZE, ATTR_BYTES);
      attr.set(JAVA_LONG, ATTR_CONFIG, PERF_COUNT_SW_CPU_CLOCK);
      attr.set(JAVA_LONG, ATTR_SAMPLE_FREQ, hertz);
      attr.set(JAVA_LONG, ATTR_FLAGS, FLAG_FREQ);
      return Libc.perf_event_open(attr.address(), -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    }
  }
}
