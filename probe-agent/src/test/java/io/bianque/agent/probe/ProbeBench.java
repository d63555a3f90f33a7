package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.libbpf.EventChannel;
import io.bianque.agent.probe.Hook.Variant;
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
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/**
 * A probe that runs, and its events as Avro records: decoded by Avro itself, not by our own code.
 */
final class ProbeBench implements AutoCloseable {
  private static final Path OBJECTS = Path.of("../bpf/target/probes");
  private static final Path SCHEMAS = Path.of("../schemas/src/main/avro/raw");
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  final List<GenericRecord> events = new ArrayList<>();
  private final InKernel kernel;
  private final Running running;
  private final Map<String, Schema> schemas = new HashMap<>();
  private boolean stopped;

  /** What the channel itself said it lost, when the probe was stopped. */
  long lost;

  /**
   * Dropwatch, by one variant.
   *
   * @param hook section of the variant
   */
  static ProbeBench dropwatch(
      String hook, ProbeSettings.Channel channel, int channelBytes, Map<String, String> tunables) {
    return of("dropwatch", channel, channelBytes, tunables, Set.of(hook));
  }

  /**
   * A probe of this project.
   *
   * @param sections of a hook that has any of these variants only those are tried; of another hook
   *     all are
   */
  static ProbeBench of(
      String probe,
      ProbeSettings.Channel channel,
      int channelBytes,
      Map<String, String> tunables,
      Set<String> sections) {
    return new ProbeBench(files(probe), channel, channelBytes, tunables, sections);
  }

  /** The files of a probe of this project, as they were built. */
  static ProbeFiles files(String probe) {
    return ProbeFiles.of(probe, OBJECTS, SCHEMAS);
  }

  private static Hook only(Hook hook, Set<String> sections) {
    List<Variant> wanted =
        hook.variants().stream().filter(v -> sections.contains(v.section())).toList();
    return wanted.isEmpty() ? hook : new Hook(hook.name(), wanted, hook.optional());
  }

  private ProbeBench(
      ProbeFiles files,
      ProbeSettings.Channel channel,
      int channelBytes,
      Map<String, String> tunables,
      Set<String> sections) {
    ProbePlan all = ProbePlan.read(files, tunables);
    ProbePlan plan =
        new ProbePlan(
            all.name(),
            all.object(),
            all.events(),
            all.polled(),
            all.tunables(),
            all.enabled(),
            all.hooks().stream().map(hook -> only(hook, sections)).toList());
    ProbeSettings settings =
        new ProbeSettings(
            List.of(),
            Map.of(),
            Set.of(),
            Map.of(),
            channel,
            OptionalInt.of(channelBytes),
            Duration.ofSeconds(1),
            Optional.empty());
    try {
      for (Path file : files.schemas()) {
        Schema schema = new Schema.Parser().parse(Files.readString(file));
        schemas.put(schema.getName(), schema);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    kernel = new Loader(plan, settings).load(() -> {});
    running =
        new Running(
            plan,
            4711,
            kernel,
            new AgentFields("host", "boot", 4711, ClockOffset.measureNanos()),
            (stream, epoch, wallNanos, buffer, offset, length, receipt) ->
                events.add(decode(schemas.get(stream), buffer, offset, length)));
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

  /** Reads the polled maps: their changed entries are among the events then. */
  void poll() {
    running.poll();
  }

  ProbeReport report() {
    return running.reports().getFirst();
  }

  /** Records of a polled map: {@code runqlat_latency}. */
  List<GenericRecord> records(String stream) {
    return events.stream().filter(event -> event.getSchema().getName().equals(stream)).toList();
  }

  /** The first event that matches; fails after some seconds, with what there was instead. */
  GenericRecord await(String what, Predicate<GenericRecord> wanted) {
    Instant end = Instant.now().plus(PATIENCE);
    int seen = 0;
    while (true) {
      drain();
      for (; seen < events.size(); seen++) {
        if (wanted.test(events.get(seen))) {
          return events.get(seen);
        }
      }
      if (Instant.now().isAfter(end)) {
        throw new AssertionError("no event: " + what + "; there were " + events);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  void drainFor(Duration length) {
    long end = System.nanoTime() + length.toNanos();
    while (System.nanoTime() < end) {
      drain();
      LockSupport.parkNanos(1_000_000);
    }
  }

  ProbeReport stop() {
    stopped = true;
    drain();
    lost = kernel.channel().map(EventChannel::lost).orElse(0L);
    return running.stop().getFirst();
  }

  @Override
  public void close() {
    if (!stopped) {
      stop();
    }
  }
}
