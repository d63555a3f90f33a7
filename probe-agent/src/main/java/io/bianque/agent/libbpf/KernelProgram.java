package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * A program that is in the kernel, held by a file descriptor of its own: it outlives the object
 * that it was loaded from, and the process if it is pinned. One thread at a time.
 */
public final class KernelProgram implements AutoCloseable {
  // struct bpf_prog_info, include/uapi/linux/bpf.h
  private static final int INFO_BYTES = 224;
  private static final int INFO_RUN_TIME_NS = 192;
  private static final int INFO_RUN_COUNT = 200;
  private static final int INFO_RECURSION_MISSES = 208;

  private final String subject;
  private int fd;

  /**
   * @param fd owned from now on
   */
  KernelProgram(String subject, int fd) {
    this.subject = subject;
    this.fd = fd;
  }

  /** A program that was pinned. */
  public static KernelProgram open(Path pin) {
    return new KernelProgram(pin.toString(), BpfFs.open(pin));
  }

  /** Keeps it in the kernel until the pin is deleted. */
  public void pin(Path path) {
    BpfFs.pin(subject, fd, path);
  }

  /** What the kernel counts of its runs. */
  public RunStatistics statistics() {
    try (Arena arena = Arena.ofConfined()) {
      BpfFs.Info info = BpfFs.info(subject, fd, INFO_BYTES, arena);
      boolean countsMisses = info.length() >= INFO_RECURSION_MISSES + Long.BYTES;
      return new RunStatistics(
          info.bytes().get(JAVA_LONG, INFO_RUN_COUNT),
          info.bytes().get(JAVA_LONG, INFO_RUN_TIME_NS),
          countsMisses
              ? OptionalLong.of(info.bytes().get(JAVA_LONG, INFO_RECURSION_MISSES))
              : OptionalLong.empty());
    }
  }

  @Override
  public void close() {
    if (fd >= 0) {
      Libc.close(fd);
      fd = -1;
    }
  }

  /**
   * Cumulative since load.
   *
   * @param runCount runs; the kernel counts them while kernel.bpf_stats_enabled is 1
   * @param runTimeNs time in those runs
   * @param recursionMisses runs that the kernel left out because the program was running already on
   *     that CPU; empty before 5.12
   */
  public record RunStatistics(long runCount, long runTimeNs, OptionalLong recursionMisses) {}
}
