package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.libbpf.EventChannel;
import io.bianque.agent.probe.Hook.Variant;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;

/** A probe that runs, and its events as Avro records. */
final class ProbeBench implements AutoCloseable {
  private static final Path OBJECTS = Path.of("../bpf/target/probes");

  final List<GenericRecord> events;
  private final DecodedRecords decoded;
  private final InKernel kernel;
  private final Running running;
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
    return of(probe, channel, channelBytes, tunables, sections, CodeNames.NONE);
  }

  /** The same, with names of code that processes make. */
  static ProbeBench of(
      String probe,
      ProbeSettings.Channel channel,
      int channelBytes,
      Map<String, String> tunables,
      Set<String> sections,
      CodeNames codeNames) {
    return new ProbeBench(files(probe), channel, channelBytes, tunables, sections, codeNames);
  }

  /** The files of a probe of this project, as they were built. */
  static ProbeFiles files(String probe) {
    return ProbeFiles.of(probe, OBJECTS, DecodedRecords.SCHEMAS);
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
      Set<String> sections,
      CodeNames codeNames) {
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
    decoded = new DecodedRecords(files);
    events = decoded.all;
    kernel = new Loader(plan, settings).load(() -> {});
    running =
        new Running(
            plan,
            4711,
            kernel,
            new AgentFields("host", "boot", 4711, ClockOffset.measureNanos(), codeNames),
            decoded);
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
    return decoded.of(stream);
  }

  /** The first event that matches; fails after some seconds, with what there was instead. */
  GenericRecord await(String what, Predicate<GenericRecord> wanted) {
    return decoded.await(what, wanted, this::drain);
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
