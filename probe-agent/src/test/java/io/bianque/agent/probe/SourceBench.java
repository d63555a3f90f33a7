package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.source.SourceKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/** A source that runs, and its records as Avro itself reads them. */
final class SourceBench implements AutoCloseable {
  private static final Path SCHEMAS = Path.of("../schemas/src/main/avro/raw");
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  final List<GenericRecord> records = new ArrayList<>();
  private final RunningSource running;
  private final Map<String, Schema> schemas = new HashMap<>();
  private boolean stopped;

  /** Opened on this thread: in the network namespace that it is in. */
  SourceBench(String name, Map<String, String> tunables) {
    ProbeFiles files = ProbeFiles.of(SourceKind.of(name).orElseThrow(), SCHEMAS);
    for (Path file : files.schemas()) {
      try {
        Schema schema = new Schema.Parser().parse(Files.readString(file));
        schemas.put(schema.getName(), schema);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    SourcePlan plan = SourcePlan.read(files, tunables);
    running =
        new RunningSource(
            plan,
            4711,
            plan.kind().open(plan.tunables()),
            new AgentFields("host", "boot", 4711, ClockOffset.measureNanos()),
            (stream, _, _, buffer, offset, length, _) ->
                records.add(decode(schemas.get(stream), buffer, offset, length)));
  }

  private static GenericRecord decode(Schema schema, byte[] buffer, int offset, int length) {
    try {
      return new GenericDatumReader<GenericRecord>(schema)
          .read(null, DecoderFactory.get().binaryDecoder(buffer, offset, length, null));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
    return await(what, wanted, this::drain);
  }

  /** The same of a record that a look at the counters gives. */
  GenericRecord awaitPolling(String what, Predicate<GenericRecord> wanted) {
    return await(what, wanted, this::poll);
  }

  private GenericRecord await(String what, Predicate<GenericRecord> wanted, Runnable look) {
    Instant end = Instant.now().plus(PATIENCE);
    int seen = 0;
    while (true) {
      look.run();
      for (; seen < records.size(); seen++) {
        if (wanted.test(records.get(seen))) {
          return records.get(seen);
        }
      }
      if (Instant.now().isAfter(end)) {
        throw new AssertionError("no record: " + what + "; there were " + records);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** Of one of its streams. */
  List<GenericRecord> recordsOf(String stream) {
    return records.stream().filter(each -> each.getSchema().getName().equals(stream)).toList();
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
