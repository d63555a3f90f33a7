package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.encode.EncodeFailure;
import io.bianque.agent.encode.EncodePlan;
import io.bianque.agent.libbpf.EventChannel;
import io.bianque.agent.libbpf.EventChannel.RecordHandler;
import io.bianque.agent.libbpf.KernelProgram.RunStatistics;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One life of a probe with a program: takes records out of its channel, encodes them, counts. One
 * thread at a time.
 */
final class Running implements ProbeLife, RecordHandler {
  private static final Logger LOG = LoggerFactory.getLogger(Running.class);
  private static final Path STATS_ENABLED = Path.of("/proc/sys/kernel/bpf_stats_enabled");
  private static final int TURN = 64;
  private static final long SLOW_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final String name;
  private final long epoch;
  private final InKernel kernel;
  private final Optional<EncodePlan> events;
  private final AgentFields fields;
  private final EventSink sink;
  private final byte[] encoded;
  private final Account account;
  private final Optional<Unsettled> unsettled;
  private long read;

  Running(ProbePlan plan, long epoch, InKernel kernel, AgentFields fields, EventSink sink) {
    this.name = plan.name();
    this.epoch = epoch;
    this.kernel = kernel;
    this.events = plan.events();
    this.fields = fields;
    this.sink = sink;
    this.encoded = new byte[events.map(EncodePlan::maxEncodedSize).orElse(0)];
    this.account = new Account(kernel.account(), InKernel.EVENTS);
    // Without a pin the channel ends with this process, whatever is still in it.
    this.unsettled = kernel.pin().map(_ -> new Unsettled());
    if (kernel.adopted()) {
      this.read = kernel.readBefore();
      events.ifPresent(each -> sink.adopted(name, epoch, each.schema(), read - account.failed()));
      kernel.polled().forEach(each -> each.adopted(epoch, sink));
    }
  }

  @Override
  public int drain(int maxEvents) {
    return kernel.channel().isPresent() ? drain(kernel.channel().get(), maxEvents) : 0;
  }

  /** In small turns, because a turn's room is given back at its end. */
  private int drain(EventChannel channel, int maxEvents) {
    int taken = 0;
    int turn = TURN;
    while (turn == TURN && taken < maxEvents && sink.hasRoom(name)) {
      turn = channel.drain(Math.min(maxEvents - taken, TURN), this);
      taken += turn;
      release(channel);
    }
    if (taken == 0) {
      release(channel);
    }
    return taken;
  }

  /**
   * What is not settled stays in the channel, but not at the price of what comes: when more than
   * half of it waits, it is given back all the same. What a kill loses then shows as a hole in the
   * sequence numbers.
   */
  private void release(EventChannel channel) {
    channel.release(
        unsettled.isEmpty() || channel.isPressed()
            ? channel.position()
            : unsettled.get().settledTo());
  }

  @Override
  public void record(ByteBuffer data, int offset, int length) {
    read++;
    EncodePlan encoding = events.orElseThrow();
    int size = encoding.encode(data, offset, length, fields, encoded, 0);
    if (size < 0) {
      failed(EncodeFailure.of(size), length);
      receipt().settled();
      return;
    }
    sink.event(name, epoch, encoding.wallNanos(data, offset, fields), encoded, 0, size, receipt());
  }

  private Receipt receipt() {
    return unsettled.isEmpty()
        ? Receipt.NONE
        : unsettled.get().take(kernel.channel().orElseThrow().position());
  }

  private void failed(EncodeFailure reason, int length) {
    if (account.failed(reason) == 1) {
      LOG.warn(
          "probe {}: an event of {} bytes cannot be encoded: {}; later ones are only counted",
          name,
          length,
          reason.word());
    }
  }

  @Override
  public void clockOffset(long nanos) {
    fields.clockOffsetNanos(nanos);
  }

  @Override
  public void poll() {
    if (!kernel.polled().isEmpty()) {
      long now = fields.monotonicNanosNow();
      kernel.polled().forEach(each -> each.poll(now, epoch, fields, sink));
    }
  }

  @Override
  public List<ProbeReport> reports() {
    List<ProbeReport> reports = new ArrayList<>(List.of(report()));
    long missed = kernel.polled().isEmpty() ? 0 : kernel.missedByPolled();
    for (PolledMap each : kernel.polled()) {
      reports.add(
          new ProbeReport(
              each.stream(),
              epoch,
              kernel.state(),
              new KernelCounters(each.records(), 0, 0, each.records()),
              each.records(),
              each.encodeFailures(),
              missed,
              OptionalLong.empty(),
              OptionalLong.empty()));
    }
    return reports;
  }

  @Override
  public long runTimeNanos() {
    return kernel.attachments().stream()
        .mapToLong(each -> each.program().statistics().runTimeNs())
        .sum();
  }

  private ProbeReport report() {
    long runCount = 0;
    long runTime = 0;
    long missed = 0;
    List<RunStatistics> statistics =
        kernel.attachments().stream().map(each -> each.program().statistics()).toList();
    for (RunStatistics program : statistics) {
      runCount += program.runCount();
      runTime += program.runTimeNs();
      missed += program.recursionMisses().orElse(0);
    }
    // What was measured in samples is no count of all.
    boolean counted = statisticsEnabled();
    return new ProbeReport(
        name,
        epoch,
        kernel.state(),
        kernel.count(),
        read,
        account.failures(),
        missed,
        counted ? OptionalLong.of(runCount) : OptionalLong.empty(),
        counted ? OptionalLong.of(runTime) : OptionalLong.empty());
  }

  /** Its programs begin to run no more. */
  void detach() {
    kernel.detach();
  }

  /**
   * Detaches, reads what is left, and unloads; the last reports. A run that began before detaching
   * may end after it, some microseconds later, and is waited for; and so is a sink that is slow.
   */
  @Override
  public List<ProbeReport> stop() {
    detach();
    long slow = System.nanoTime() + SLOW_NANOS;
    ProbeReport last = report();
    for (int i = 0;
        i < 100 && !(last.kernel().balances() && last.kernel().submitted() == read);
        i++) {
      while (drain(TURN) > 0) {}
      while (!sink.hasRoom(name) && System.nanoTime() < slow) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        i = 0;
      }
      last = report();
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(100));
    }
    poll();
    List<ProbeReport> all = reports();
    kernel.close();
    return all;
  }

  @Override
  public void leave() {
    kernel.channel().ifPresent(this::release);
    kernel.close();
  }

  @Override
  public Optional<Pin> pin() {
    return kernel.pin();
  }

  @Override
  public String name() {
    return name;
  }

  private static boolean statisticsEnabled() {
    try {
      return Files.readString(STATS_ENABLED).startsWith("1");
    } catch (java.io.IOException e) {
      return false; // Readable by root only, or not there before 5.1: then nothing was counted.
    }
  }
}
