package io.bianque.agent.libbpf;

import java.util.Optional;

/**
 * While one is open, the kernel measures how long each program runs, at some 20 ns a run:
 * BPF_ENABLE_STATS, since 5.8.
 */
public final class RunTimes implements AutoCloseable {
  private static final int BPF_STATS_RUN_TIME = 0;

  private final int fd;

  private RunTimes(int fd) {
    this.fd = fd;
  }

  /** Empty where this kernel cannot, or does not let this process. */
  public static Optional<RunTimes> measure() {
    int fd = Libbpf.bpf_enable_stats(BPF_STATS_RUN_TIME);
    return fd < 0 ? Optional.empty() : Optional.of(new RunTimes(fd));
  }

  @Override
  public void close() {
    Libc.close(fd);
  }
}
