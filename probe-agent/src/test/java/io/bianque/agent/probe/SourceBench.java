package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.source.SourceKind;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;

/** A source that runs, and its records. */
final class SourceBench implements AutoCloseable {
  final List<GenericRecord> records;
  private final DecodedRecords decoded;
  private final RunningSource running;
  private boolean stopped;

  /** Opened on this thread: in the network namespace that it is in. */
  SourceBench(String name, Map<String, String> tunables) {
    ProbeFiles files = ProbeFiles.of(SourceKind.of(name).orElseThrow(), DecodedRecords.SCHEMAS);
    decoded = new DecodedRecords(files);
    records = decoded.all;
    SourcePlan plan = SourcePlan.read(files, tunables);
    running =
        new RunningSource(
            plan,
            4711,
            plan.kind().open(plan.tunables()),
            new AgentFields("host", "boot", 4711, ClockOffset.measureNanos()),
            decoded);
  }

  int drain() {
    return running.drain(Integer.MAX_VALUE);
  }

  /** Looks at the counters as every interval does, and in the turns behind it at what is left. */
  void poll() {
    running.poll();
    for (int i = 0; i < 100; i++) {
      drain();
    }
  }

  /** The first record that matches; fails after some seconds, with what there was instead. */
  GenericRecord await(String what, Predicate<GenericRecord> wanted) {
    return decoded.await(what, wanted, this::drain);
  }

  /** The same of a record that a look at the counters gives. */
  GenericRecord awaitPolling(String what, Predicate<GenericRecord> wanted) {
    return decoded.await(what, wanted, this::poll);
  }

  /** Of one of its streams. */
  List<GenericRecord> recordsOf(String stream) {
    return decoded.of(stream);
  }

  ProbeReport report() {
    return running.reports().getFirst();
  }

  @Override
  public void close() {
    if (!stopped) {
      stopped = true;
      running.stop();
    }
  }
}
