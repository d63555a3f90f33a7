package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfLink;
import io.bianque.agent.libbpf.EventChannel;
import io.bianque.agent.libbpf.KernelMap;
import io.bianque.agent.libbpf.KernelProgram;
import io.bianque.agent.libbpf.PerfBuffer;
import io.bianque.agent.libbpf.RingBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * The kernel's side of a probe that runs. One thread at a time.
 *
 * @param attachments its programs
 * @param maps by name; those that are needed to read it
 * @param channel of events; empty when the probe has none
 * @param polled the maps that are read every interval
 * @param pin keeps it in the kernel when this process is gone; empty when nothing does
 * @param adopted whether it was there before this process
 */
record InKernel(
    List<Attachment> attachments,
    Map<String, KernelMap> maps,
    Optional<EventChannel> channel,
    List<PolledMap> polled,
    ProbeState.Attached state,
    Optional<Pin> pin,
    boolean adopted)
    implements AutoCloseable {
  static final String RING = "events";
  static final String COUNTERS = "counters";
  static final String POLLED_MISSED = "polled_missed";
  static final String ACCOUNT = "account";

  /** Of the streams in the account: events are the first. */
  static final int EVENTS = 0;

  static final int FIRST_POLLED = 1;

  /**
   * Looks that a CPU gets to be found between two events. At 300,000 events/s a CPU is at one for
   * less than half of its time.
   */
  private static final int LOOKS = 32;

  /**
   * A program and what attaches it.
   *
   * @param name the C function
   */
  record Attachment(String name, KernelProgram program, BpfLink link) {}

  /**
   * What was counted. Each CPU's counts are taken at a moment when they balance; a CPU that is at
   * an event at every look is taken as it is.
   */
  KernelCounters count() {
    return Optional.ofNullable(maps.get(COUNTERS)).map(InKernel::count).orElse(KernelCounters.NONE);
  }

  private static KernelCounters count(KernelMap counters) {
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

  /** Records that were taken from the channel before this process adopted it. */
  long readBefore() {
    return channel.orElse(null) instanceof RingBuffer ring ? ring.released() : 0;
  }

  /** Observations that are in no polled map, because it was full. */
  long missedByPolled() {
    return Optional.ofNullable(maps.get(POLLED_MISSED)).stream()
        .flatMapToLong(map -> LongStream.of(map.lookupPerCpu(0)))
        .sum();
  }

  /** What the agent counts of it, if its object has room for that. */
  Optional<KernelMap> account() {
    return Optional.ofNullable(maps.get(ACCOUNT));
  }

  /**
   * Whether another process could go on with it: the rings of a perf event array and a clock of
   * each CPU end with this one, and an object of an older include/ has no account.
   */
  boolean isPinnable() {
    return account().isPresent()
        && !(channel.orElse(null) instanceof PerfBuffer)
        && attachments.stream().allMatch(each -> each.link().isPinnable());
  }

  /** Gives each of its parts a file. */
  void pin(Pin to) {
    maps.forEach((name, map) -> map.pin(to.map(name)));
    for (Attachment each : attachments) {
      each.program().pin(to.program(each.name()));
      each.link().pin(to.link(each.name()));
    }
  }

  /** The same, kept by that pin. */
  InKernel kept(Pin by) {
    return new InKernel(attachments, maps, channel, polled, state, Optional.of(by), adopted);
  }

  /** Its programs begin to run no more; what they said is still in the channel. */
  void detach() {
    pin.ifPresent(Pin::deleteLinks);
    attachments.forEach(each -> each.link().close());
  }

  /** Lets go of it. What is pinned goes on without this process; all else ends. */
  @Override
  public void close() {
    attachments.forEach(each -> each.link().close());
    channel.ifPresent(EventChannel::close);
    attachments.forEach(each -> each.program().close());
    maps.values().forEach(KernelMap::close);
  }
}
