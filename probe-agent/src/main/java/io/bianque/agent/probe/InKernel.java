package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfLink;
import io.bianque.agent.libbpf.BpfMap;
import io.bianque.agent.libbpf.BpfObject;
import io.bianque.agent.libbpf.BpfProgram;
import io.bianque.agent.libbpf.EventChannel;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * The kernel's side of a probe that runs. One thread at a time.
 *
 * @param programs those that are attached
 * @param channel of events; empty when the probe has none
 * @param counters the map of what they count, where there is a channel
 * @param polled the maps that are read every interval
 * @param polledMissed counts what found a polled map full; empty when the probe has none
 */
record InKernel(
    BpfObject object,
    List<BpfProgram> programs,
    List<BpfLink> links,
    Optional<EventChannel> channel,
    Optional<BpfMap> counters,
    List<PolledMap> polled,
    Optional<BpfMap> polledMissed,
    ProbeState.Attached state)
    implements AutoCloseable {
  static final String COUNTERS = "counters";
  static final String POLLED_MISSED = "polled_missed";

  /**
   * Looks that a CPU gets to be found between two events. At 300,000 events/s a CPU is at one for
   * less than half of its time.
   */
  private static final int LOOKS = 32;

  /**
   * What was counted. Each CPU's counts are taken at a moment when they balance; a CPU that is at
   * an event at every look is taken as it is.
   */
  KernelCounters count() {
    return counters.map(InKernel::count).orElse(KernelCounters.NONE);
  }

  private static KernelCounters count(BpfMap counters) {
    long[] longs = counters.lookupPerCpu(0);
    int cpus = longs.length / KernelCounters.LONGS;
    KernelCounters[] balanced = new KernelCounters[cpus];
    for (int look = 0; look < LOOKS && !takeBalanced(longs, balanced); look++) {
      longs = counters.lookupPerCpu(0);
    }
    KernelCounters sum = KernelCounters.NONE;
    for (int cpu = 0; cpu < cpus; cpu++) {
      sum =
          sum.plus(
              balanced[cpu] != null
                  ? balanced[cpu]
                  : KernelCounters.of(longs, cpu * KernelCounters.LONGS));
    }
    return sum;
  }

  private static boolean takeBalanced(long[] longs, KernelCounters[] balanced) {
    boolean all = true;
    for (int cpu = 0; cpu < balanced.length; cpu++) {
      if (balanced[cpu] == null) {
        KernelCounters now = KernelCounters.of(longs, cpu * KernelCounters.LONGS);
        balanced[cpu] = now.balances() ? now : null;
      }
      all &= balanced[cpu] != null;
    }
    return all;
  }

  /** Observations that are in no polled map, because it was full. */
  long missedByPolled() {
    return polledMissed.stream().flatMapToLong(map -> LongStream.of(map.lookupPerCpu(0))).sum();
  }

  /** Its programs begin to run no more; what they said is still in the channel. */
  void detach() {
    links.forEach(BpfLink::close);
  }

  @Override
  public void close() {
    detach();
    channel.ifPresent(EventChannel::close);
    object.close();
  }
}
