package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.encode.EncodeFailure;
import io.bianque.agent.encode.EncodePlan;
import io.bianque.agent.libbpf.BpfProgram.RunStatistics;
import io.bianque.agent.libbpf.EventChannel.RecordHandler;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
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
  private final EncodePlan encoding;
  private final AgentFields fields;
  private final EventSink sink;
  private final byte[] encoded;
  private long read;
  private final Map<EncodeFailure, Long> encodeFailures = new EnumMap<>(EncodeFailure.class);

  Running(ProbePlan plan, long epoch, InKernel kernel, AgentFields fields, EventSink sink) {
    this.name = plan.name();
    this.epoch = epoch;
    this.kernel = kernel;
    this.encoding = plan.encoding();
    this.fields = fields;
    this.sink = sink;
    this.encoded = new byte[encoding.maxEncodedSize()];
  }

  int drain(int maxEvents) {
    return kernel.channel().drain(maxEvents, this);
  }

  @Override
  public void record(ByteBuffer data, int offset, int length) {
    read++;
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

  ProbeReport report() {
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
   * Detaches, reads what is left, and unloads; the last report. A run that began before detaching
   * may end after it, some microseconds later, and is waited for.
   */
  ProbeReport stop() {
    kernel.detach();
    ProbeReport last = report();
    for (int i = 0;
        i < 100 && !(last.kernel().balances() && last.kernel().submitted() == read);
        i++) {
      while (drain(TURN) > 0) {}
      last = report();
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(100));
    }
    kernel.close();
    return last;
  }

  private static boolean statisticsEnabled() {
    try {
      return Files.readString(STATS_ENABLED).startsWith("1");
    } catch (java.io.IOException e) {
      return false; // Readable by root only, or not there before 5.1: then nothing was counted.
    }
  }
}
