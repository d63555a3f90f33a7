package io.bianque.agent.host;

/** How the kernel's event time relates to wall time. */
public final class ClockOffset {
  private ClockOffset() {}

  /** CLOCK_REALTIME - CLOCK_MONOTONIC in ns, now. */
  public static long measureNanos() {
    return 0;
  }
}
