package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A perf event array: one ring a CPU, each mapped. The channel of kernels before 5.8.
 *
 * <p>A CPU that is offline when it is opened has none: what a program has to say there later it
 * cannot submit, and counts.
 */
public final class PerfBuffer implements EventChannel {
  // struct perf_event_attr, include/uapi/linux/perf_event.h
  private static final int ATTR_BYTES = 112;
  private static final int ATTR_TYPE = 0;
  private static final int ATTR_SIZE = 4;
  private static final int ATTR_CONFIG = 8;
  private static final int ATTR_SAMPLE_PERIOD = 16;
  private static final int ATTR_SAMPLE_TYPE = 24;
  private static final int ATTR_FLAGS = 40;
  private static final int ATTR_WAKEUP_WATERMARK = 48;

  private static final int PERF_TYPE_SOFTWARE = 1;
  private static final long PERF_COUNT_SW_BPF_OUTPUT = 10;
  private static final long PERF_SAMPLE_RAW = 1 << 10;
  private static final long FLAG_WATERMARK = 1 << 14;
  private static final long PERF_FLAG_FD_CLOEXEC = 8;
  private static final long PERF_EVENT_IOC_ENABLE = 0x2400;

  private final Arena arena = Arena.ofShared();
  private final List<Integer> fds = new ArrayList<>();
  private final List<PerfRing> rings = new ArrayList<>();
  private int next;

  /**
   * Opens a ring a CPU for a map.
   *
   * @param bytesPerCpu a power of two times the page size
   */
  public static PerfBuffer open(KernelMap map, int bytesPerCpu) {
    return new PerfBuffer(map, bytesPerCpu);
  }

  private PerfBuffer(KernelMap map, int bytesPerCpu) {
    try {
      for (int cpu = 0; cpu < Math.min(Cpus.possible(), map.maxEntries()); cpu++) {
        int fd = openEvent(cpu, bytesPerCpu);
        if (fd == -Errno.ENODEV) {
          continue;
        }
        String what = map.subject() + ", CPU " + cpu;
        if (fd < 0) {
          throw new BpfException("perf_event_open", what, -fd, "");
        }
        fds.add(fd);
        int page = Libc.getpagesize();
        MemorySegment mapped =
            Libc.mmap(
                what, fd, 0, page + (long) bytesPerCpu, Libc.PROT_READ | Libc.PROT_WRITE, arena);
        rings.add(new PerfRing(mapped.asSlice(0, page), mapped.asSlice(page), arena));
        map.updateInt(cpu, fd);
        int enabled = Libc.ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
        if (enabled < 0) {
          throw new BpfException("ioctl(PERF_EVENT_IOC_ENABLE)", what, -enabled, "");
        }
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private static int openEvent(int cpu, int bytesPerCpu) {
    try (Arena attributes = Arena.ofConfined()) {
      MemorySegment attr = attributes.allocate(ATTR_BYTES, Long.BYTES);
      attr.set(JAVA_INT, ATTR_TYPE, PERF_TYPE_SOFTWARE);
      attr.set(JAVA_INT, ATTR_SIZE, ATTR_BYTES);
      attr.set(JAVA_LONG, ATTR_CONFIG, PERF_COUNT_SW_BPF_OUTPUT);
      attr.set(JAVA_LONG, ATTR_SAMPLE_PERIOD, 1);
      attr.set(JAVA_LONG, ATTR_SAMPLE_TYPE, PERF_SAMPLE_RAW);
      // Nobody sleeps on it, so that a wake-up an event would be for nothing.
      attr.set(JAVA_LONG, ATTR_FLAGS, FLAG_WATERMARK);
      attr.set(JAVA_INT, ATTR_WAKEUP_WATERMARK, bytesPerCpu);
      return Libc.perf_event_open(attr.address(), -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    }
  }

  /** Each CPU has its turn first once, so that a busy one does not keep the others waiting. */
  @Override
  public int drain(int maxRecords, RecordHandler handler) {
    int taken = 0;
    int first = next;
    for (int i = 0; i < rings.size() && taken < maxRecords; i++) {
      int cpu = (first + i) % rings.size();
      taken += rings.get(cpu).drain(maxRecords - taken, handler);
      next = (cpu + 1) % rings.size();
    }
    return taken;
  }

  /** None: what was handed over is given back at once, and the rings end with this process. */
  @Override
  public long position() {
    return 0;
  }

  @Override
  public void release(long position) {}

  @Override
  public boolean isPressed() {
    return false;
  }

  @Override
  public long lost() {
    long lost = 0;
    for (PerfRing ring : rings) {
      lost += ring.lost();
    }
    return lost;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      fds.forEach(Libc::close);
    }
  }
}
