package io.bianque.agent.probe;

/**
 * What a probe's program counted by itself since its epoch, over all CPUs: struct channel_counters.
 *
 * @param attempted events that the program wanted to report
 * @param rateLimited refused by {@code max_events_per_second}
 * @param ringFull refused because the channel had no room
 * @param submitted in the channel, or read from it
 */
public record KernelCounters(long attempted, long rateLimited, long ringFull, long submitted) {
  static final int LONGS = 4;
  static final KernelCounters NONE = new KernelCounters(0, 0, 0, 0);

  /** Of one CPU, in the order of the C struct. */
  static KernelCounters of(long[] longs, int at) {
    return new KernelCounters(longs[at], longs[at + 1], longs[at + 2], longs[at + 3]);
  }

  KernelCounters plus(KernelCounters other) {
    return new KernelCounters(
        attempted + other.attempted,
        rateLimited + other.rateLimited,
        ringFull + other.ringFull,
        submitted + other.submitted);
  }

  /** Whether what became of every event is known; not so while the program is at one. */
  public boolean balances() {
    return attempted == rateLimited + ringFull + submitted;
  }
}
