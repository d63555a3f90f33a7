package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.encode.EncodeFailure;
import io.bianque.agent.encode.EncodePlan;
import io.bianque.agent.libbpf.BpfProgram.RunStatistics;
import io.bianque.agent.libbpf.EventChannel.RecordHandler;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One life of a probe, from its epoch to its stop: takes records out of its channel, encodes them,
 * counts. One thread at a time.
 */
final class Running implements RecordHandler {
  private static final Logger LOG = LoggerFactory.getLogger(Running.class);
  private static final Path STATS_ENABLED = Path.of("/proc/sys/kernel/bpf_stats_enabled");
  private static final int TURN = 256;

  private final String name;
  private final long epoch;
  private final InKernel kernel;
  private final Optional<EncodePlan> events;
  private final AgentFields fields;
  private final EventSink sink;
  private final byte[] encoded;
  private long read;
  private final Map<EncodeFailure, Long> encodeFailures = new EnumMap<>(EncodeFailure.class);

  Running(ProbePlan plan, long epoch, InKernel kernel, AgentFields fields, EventSink sink) {
    this.name = plan.name();
    this.epoch = epoch;
    this.kernel = kernel;
    this.events = plan.events();
    this.fields = fields;
    this.sink = sink;
    this.encoded = new byte[events.map(EncodePlan::maxEncodedSize).orElse(0)];
  }

  int drain(int maxEvents) {
    return kernel.channel().map(channel -> channel.drain(maxEvents, this)).orElse(0);
  }

  @Override
  public void record(ByteBuffer data, int offset, int length) {
    read++;
    EncodePlan encoding = events.orElseThrow();
    int size = encoding.encode(data, offset, length, fields, encoded, 0);
    if (size < 0) {
      failed(EncodeFailure.of(size), length);
      return;
    }
    sink.event(name, epoch, encoding.wallNanos(data, offset, fields), encoded, 0, size);
  }

  private void failed(EncodeFailure reason, int length) {
    if (encodeFailures.merge(reason, 1L, Long::sum) == 1) {
      LOG.warn(
          "probe {}: an event of {} bytes cannot be encoded: {}; later ones are only counted",
          name,
          length,
          reason.word());
    }
  }

  void clockOffset(long nanos) {
    fields.clockOffsetNanos(nanos);
  }

  /** Reads its polled maps; what has changed goes to the sink. */
  void poll() {
    if (!kernel.polled().isEmpty()) {
      // The kernel's clock by way of the wall's, which a time namespace does not shift.
      Instant wall = Instant.now();
      long now =
          TimeUnit.SECONDS.toNanos(wall.getEpochSecond())
              + wall.getNano()
              - fields.clockOffsetNanos();
      kernel.polled().forEach(each -> each.poll(now, epoch, fields, sink));
    }
  }

  /** Its own account, then one of each of its polled maps. */
  List<ProbeReport> reports() {
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

  private ProbeReport report() {
    long runCount = 0;
    long runTime = 0;
    long missed = 0;
    List<RunStatistics> statistics = kernel.programs().stream().map(p -> p.statistics()).toList();
    for (RunStatistics program : statistics) {
      runCount += program.runCount();
      runTime += program.runTimeNs();
      missed += program.recursionMisses().orElse(0);
    }
    boolean counted = runCount > 0 || statisticsEnabled();
    return new ProbeReport(
        name,
        epoch,
        kernel.state(),
        kernel.count(),
        read,
        Map.copyOf(encodeFailures),
        missed,
        counted ? OptionalLong.of(runCount) : OptionalLong.empty(),
        counted ? OptionalLong.of(runTime) : OptionalLong.empty());
  }

  /**
   * Detaches, reads what is left, and unloads; the last reports. A run that began before detaching
   * may end after it, some microseconds later, and is waited for.
   */
  List<ProbeReport> stop() {
    kernel.detach();
    ProbeReport last = report();
    for (int i = 0;
        i < 100 && !(last.kernel().balances() && last.kernel().submitted() == read);
        i++) {
      while (drain(TURN) > 0) {}
      last = report();
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(100));
    }
    poll();
    List<ProbeReport> all = reports();
    kernel.close();
    return all;
  }

  private static boolean statisticsEnabled() {
    try {
      return Files.readString(STATS_ENABLED).startsWith("1");
    } catch (java.io.IOException e) {
      return false; // Readable by root only, or not there before 5.1: then nothing was counted.
    }
  }
}
