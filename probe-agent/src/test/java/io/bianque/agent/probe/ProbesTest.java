package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.probe.ProbeState.Attached;
import io.bianque.agent.probe.ProbeState.Failed;
import io.bianque.agent.probe.ProbeState.Skipped;
import io.bianque.agent.probe.ProbeState.Stopped;
import io.bianque.agent.testing.KernelTest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@KernelTest
class ProbesTest {
  private static final String EXEC = TestProbe.program("exec__tp_btf", "tp_btf/sched_process_exec");
  private static final String ABSENT = TestProbe.program("exec__absent", "tp_btf/no_such_event");

  @TempDir Path folder;

  private final Map<String, Integer> events = new HashMap<>();
  private final SettableClock clock = new SettableClock();

  @Test
  void probeThatNobodyHereKnowsRuns() throws Exception {
    TestProbe.make(folder, "starts", EXEC);
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();
      run("true");
      probes.drain(1000);

      assertThat(events.get("starts")).isPositive();
      assertThat(report(probes, "starts").state())
          .isEqualTo(new Attached("tp_btf/sched_process_exec", "ringbuf", List.of()));
    }
  }

  @Test
  void sourceIsStartedStoppedAndTunedLikeAProbeWithAProgram() throws Exception {
    Files.copy(
        Path.of("../schemas/src/main/avro/raw/tcp_listen.avsc"), folder.resolve("tcp_listen.avsc"));
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();
      ProbeReport first = report(probes, "tcp_listen");
      assertThat(first.state())
          .isEqualTo(new Attached("/proc/<pid>/net/netstat", "none", List.of()));
      assertThat(first.epoch()).isPositive();

      assertThat(probes.stop("tcp_listen")).isEqualTo(new Stopped());
      assertThat(probes.start("tcp_listen")).isInstanceOf(Attached.class);
      assertThat(report(probes, "tcp_listen").epoch()).isGreaterThan(first.epoch());
    }
    try (Probes probes = probes(tunables("tcp_listen", Map.of("backlog", "5")))) {
      probes.startAll();

      assertThat(failure(probes, "tcp_listen").reason())
          .isEqualTo("probe tcp_listen: no tunable backlog; it has none");
    }
  }

  @Test
  void nextVariantIsTakenWhereOneDoesNotHold() throws Exception {
    TestProbe.make(folder, "starts", ABSENT, EXEC);
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();

      Attached attached = (Attached) report(probes, "starts").state();
      assertThat(attached.hook()).isEqualTo("tp_btf/sched_process_exec");
      assertThat(attached.refused()).hasSize(1);
      assertThat(attached.refused().getFirst().hook()).isEqualTo("tp_btf/no_such_event");
      assertThat(attached.refused().getFirst().reason())
          .contains("bpf_object__load(starts)", "no_such_event")
          .doesNotContain("ulimit");
      assertThat(attached.refused().getFirst().remedy()).contains("this kernel has no such hook");
    }
  }

  @Test
  void hooksOfOneProbeAreChosenEachForItself() throws Exception {
    TestProbe.make(
        folder,
        "starts",
        ABSENT,
        EXEC,
        TestProbe.program("exit__absent", "raw_tp/no_such_event"),
        TestProbe.program("exit__raw_tp", "raw_tp/sched_process_exit"));
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();

      Attached attached = (Attached) report(probes, "starts").state();
      assertThat(attached.hook()).isEqualTo("tp_btf/sched_process_exec, raw_tp/sched_process_exit");
      assertThat(attached.refused()).hasSize(2);
    }
  }

  @Test
  void probeDoesWithoutAnOptionalHook() throws Exception {
    TestProbe.make(
        folder, "starts", EXEC, TestProbe.program("exit__absent", "?raw_tp/no_such_event"));
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();

      Attached attached = (Attached) report(probes, "starts").state();
      assertThat(attached.hook()).isEqualTo("tp_btf/sched_process_exec");
      assertThat(attached.refused().getFirst().hook()).isEqualTo("raw_tp/no_such_event");
    }
  }

  @Test
  void probeWhoseHooksAreAllOptionalIsSkippedWhereThereAreNone() throws Exception {
    TestProbe.make(folder, "starts", TestProbe.program("exit__absent", "?raw_tp/no_such_event"));
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();

      assertThat(report(probes, "starts").state())
          .isEqualTo(new Skipped("this kernel has none of its hooks: raw_tp/no_such_event"));
    }
  }

  @Test
  void doctorKnowsWhatAProbeNeeds() throws Exception {
    TestProbe.make(
        folder, "partly", EXEC, TestProbe.program("exit__absent", "raw_tp/no_such_event"));
    TestProbe.make(
        folder, "without", EXEC, TestProbe.program("exit__absent", "?raw_tp/no_such_event"));

    Map<String, Boolean> works =
        Doctor.examine(ProbeSettings.of(folder)).probes().stream()
            .collect(Collectors.toMap(Doctor.ProbeFinding::probe, Doctor.ProbeFinding::works));

    assertThat(works).isEqualTo(Map.of("partly", false, "without", true));
  }

  @Test
  void probeThatFailsTouchesNoOther() throws Exception {
    TestProbe.dropwatch(folder);
    TestProbe.make(folder, "absent", ABSENT);
    Files.writeString(folder.resolve("garbage.bpf.o"), "no object");
    TestProbe.schema(folder, "garbage", "int");
    TestProbe.make(folder, "mismatch", EXEC);
    TestProbe.schema(folder, "mismatch", "string");
    TestProbe.make(folder, "unpaired", EXEC);
    Files.delete(folder.resolve("unpaired.avsc"));
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();

      assertThat(report(probes, "dropwatch").state()).isInstanceOf(Attached.class);
      assertThat(failure(probes, "absent").retryAt()).isPresent();
      assertThat(failure(probes, "absent").refused()).hasSize(1);
      assertThat(failure(probes, "garbage").reason()).contains("garbage.bpf.o");
      assertThat(failure(probes, "garbage").retryAt()).isEmpty();
      assertThat(failure(probes, "mismatch").reason()).contains("mismatch_event", "pid", "__s32");
      assertThat(failure(probes, "unpaired").reason()).contains("unpaired.avsc");
    }
  }

  @Test
  void unknownTunableIsRefusedWithThoseThatThereAre() throws Exception {
    TestProbe.make(folder, "starts", EXEC);
    try (Probes probes = probes(tunables("starts", Map.of("max_event_per_second", "1")))) {
      probes.startAll();

      assertThat(failure(probes, "starts").reason())
          .contains("no tunable max_event_per_second")
          .contains("max_events_per_second (0 to 4294967295)")
          .contains("nice (-32768 to 32767)")
          .contains("quiet (true or false)")
          .doesNotContain("use_perf_buffer");
    }
  }

  @Test
  void valueThatDoesNotFitIsRefusedWithWhatDoes() throws Exception {
    TestProbe.make(folder, "starts", EXEC);
    Map<String, String> wrong =
        Map.of("nice", "32768", "quiet", "1", "max_events_per_second", "many");
    try (Probes probes = probes(tunables("starts", wrong))) {
      probes.startAll();

      assertThat(failure(probes, "starts").reason())
          .contains("nice = 32768 does not fit; allowed is -32768 to 32767")
          .contains("quiet = 1 does not fit; allowed is true or false")
          .contains("max_events_per_second = many does not fit; allowed is 0 to 4294967295");
    }
  }

  @Test
  void channelOfAProbeIsAsLargeAsItSays() throws Exception {
    TestProbe.make(folder, "starts", EXEC);
    try (Probes probes = probes(tunables("starts", Map.of("channel_bytes", "8192")))) {
      probes.startAll();

      assertThat(ringSizes()).contains(8192);
    }
    try (Probes probes = probes(tunables("starts", Map.of("channel_bytes", "8193")))) {
      probes.startAll();

      assertThat(failure(probes, "starts").reason())
          .contains("channel_bytes = 8193; allowed is a power of two from 4096 to 536870912, or 0");
    }
  }

  /** Bytes of the ring buffers that this process has mapped for reading. */
  private static List<Integer> ringSizes() throws Exception {
    return Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .filter(line -> line.contains("bpf-map") && line.contains(" r--s "))
        .map(line -> line.split("[- ]", -1))
        .map(ends -> Long.parseLong(ends[1], 16) - Long.parseLong(ends[0], 16))
        // The producer's page, then the data.
        .map(bytes -> (int) (bytes - 4096))
        .toList();
  }

  @Test
  void tunableReachesTheProgram() throws Exception {
    TestProbe.make(folder, "starts", EXEC);
    try (Probes probes = probes(tunables("starts", Map.of("max_events_per_second", "1")))) {
      probes.startAll();
      for (int i = 0; i < 50; i++) {
        run("true");
      }

      assertThat(report(probes, "starts").kernel().rateLimited()).isPositive();
    }
  }

  @Test
  void stoppedProbeKeepsItsAccountAndStartsANewOne() throws Exception {
    TestProbe.make(folder, "starts", EXEC);
    TestProbe.make(folder, "other", EXEC);
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();
      run("true");
      assertThat(probes.stop("starts")).isInstanceOf(Stopped.class);
      ProbeReport stopped = report(probes, "starts");
      run("true");

      assertThat(stopped.kernel().submitted()).isPositive().isEqualTo(stopped.read());
      assertThat(events.get("starts")).isEqualTo((int) stopped.read());
      assertThat(report(probes, "starts")).isEqualTo(stopped);
      assertThat(report(probes, "other").kernel().submitted())
          .isGreaterThan(stopped.kernel().submitted());

      assertThat(probes.start("starts")).isInstanceOf(Attached.class);
      assertThat(report(probes, "starts").epoch()).isGreaterThan(stopped.epoch());
      assertThat(report(probes, "starts").read()).isZero();
    }
  }

  @Test
  void blacklistedProbeNeverStarts() throws Exception {
    TestProbe.make(folder, "starts", EXEC);
    TestProbe.make(folder, "disabled", EXEC);
    ProbeSettings settings =
        new ProbeSettings(
            List.of(folder),
            Map.of("disabled", false),
            Set.of("starts"),
            Map.of(),
            Channel.AUTO,
            OptionalInt.of(1 << 16),
            Duration.ofSeconds(10),
            Optional.empty());
    try (Probes probes = probes(settings)) {
      probes.startAll();

      assertThat(report(probes, "starts").state()).isEqualTo(new Skipped("on the black list"));
      assertThat(probes.start("starts")).isInstanceOf(Skipped.class);
      assertThat(report(probes, "disabled").state())
          .isEqualTo(new Skipped("disabled by configuration"));
      assertThat(probes.start("disabled")).isInstanceOf(Attached.class);
      assertThatThrownBy(() -> probes.start("absent"))
          .hasMessage("no probe absent; there are disabled, starts");
    }
  }

  @Test
  void failedProbeIsTriedAgainAfterAWaitThatGrows() throws Exception {
    TestProbe.make(folder, "starts", ABSENT);
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();
      assertThat(wait(probes)).isEqualTo(Duration.ofSeconds(10));

      clock.now = clock.now.plusSeconds(9);
      probes.retryFailed();
      assertThat(wait(probes)).isEqualTo(Duration.ofSeconds(1));

      clock.now = clock.now.plusSeconds(1);
      probes.retryFailed();
      assertThat(wait(probes)).isEqualTo(Duration.ofSeconds(20));

      TestProbe.make(folder, "starts", EXEC);
      clock.now = clock.now.plusSeconds(20);
      probes.retryFailed();
      assertThat(report(probes, "starts").state()).isInstanceOf(Attached.class);
    }
  }

  @Test
  void epochIsNeverGivenTwice() throws Exception {
    TestProbe.make(folder, "one", EXEC);
    TestProbe.make(folder, "two", EXEC);
    try (Probes probes = probes(ProbeSettings.of(folder))) {
      probes.startAll();

      assertThat(report(probes, "one").epoch()).isNotEqualTo(report(probes, "two").epoch());
    }
  }

  @Test
  void doctorTriesEveryVariant() throws Exception {
    TestProbe.make(folder, "starts", ABSENT, EXEC);
    TestProbe.schema(folder, "starts", "int");

    Doctor.Examination found = Doctor.examine(ProbeSettings.of(folder));

    assertThat(found.machine()).noneMatch(f -> f.severity() == Doctor.Severity.FATAL);
    assertThat(found.probes()).hasSize(1);
    assertThat(found.probes().getFirst().problem()).isEmpty();
    assertThat(found.probes().getFirst().variants())
        .extracting(Doctor.VariantFinding::section, Doctor.VariantFinding::holds)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("tp_btf/no_such_event", false),
            org.assertj.core.groups.Tuple.tuple("tp_btf/sched_process_exec", true));
  }

  @Test
  void doctorSaysOfEachVariantItsOwnReason() throws Exception {
    // Given one that is refused when it is loaded, two when they are attached, and one that holds.
    TestProbe.make(
        folder,
        "starts",
        ABSENT,
        TestProbe.program("fork__absent", "raw_tp/no_such_event"),
        TestProbe.program("exit__absent", "raw_tp/nor_this_one"),
        EXEC);

    assertThat(reasons("starts"))
        .satisfiesExactly(
            absent ->
                assertThat(absent.orElseThrow())
                    .startsWith("bpf_object__load(starts): ESRCH")
                    .doesNotContain("fork__absent", "exit__absent"),
            holds -> assertThat(holds).isEmpty(),
            fork ->
                assertThat(fork.orElseThrow())
                    .startsWith("bpf_program__attach(starts/fork__absent): ENOENT")
                    .doesNotContain("exec__absent", "exit__absent"),
            exit ->
                assertThat(exit.orElseThrow())
                    .startsWith("bpf_program__attach(starts/exit__absent): ENOENT")
                    .doesNotContain("exec__absent", "fork__absent"));
  }

  @Test
  void doctorRefusesEachVariantForWhatTheyShare() throws Exception {
    String map =
        """
        struct {
        	__uint(type, BPF_MAP_TYPE_ARRAY);
        	__uint(key_size, 8); /* allowed is 4 */
        	__uint(value_size, 8);
        	__uint(max_entries, 1);
        } broken SEC(".maps");
        """;
    TestProbe.make(
        folder,
        "starts",
        map,
        EXEC,
        TestProbe.program("exit__raw_tp", "raw_tp/sched_process_exit"));

    assertThat(reasons("starts"))
        .hasSize(2)
        .allSatisfy(reason -> assertThat(reason.orElseThrow()).contains("map 'broken'", "EINVAL"));
  }

  /** Of each variant of a probe why it does not hold. */
  private List<Optional<String>> reasons(String probe) {
    return Doctor.examine(ProbeSettings.of(folder)).probes().stream()
        .filter(found -> found.probe().equals(probe))
        .flatMap(found -> found.variants().stream())
        .map(variant -> variant.refusal().map(ProbeState.Refusal::reason))
        .toList();
  }

  private Probes probes(ProbeSettings settings) {
    return new Probes(
        settings,
        "host",
        "boot",
        ClockOffset::measureNanos,
        CodeNames.NONE,
        (probe, epoch, wallNanos, buffer, offset, length, receipt) ->
            events.merge(probe, 1, Integer::sum),
        clock);
  }

  private ProbeSettings tunables(String probe, Map<String, String> values) {
    return new ProbeSettings(
        List.of(folder),
        Map.of(),
        Set.of(),
        Map.of(probe, values),
        Channel.AUTO,
        OptionalInt.of(1 << 16),
        Duration.ofSeconds(10),
        Optional.empty());
  }

  private static ProbeReport report(Probes probes, String name) {
    return probes.report().stream().filter(r -> r.probe().equals(name)).findFirst().orElseThrow();
  }

  private static Failed failure(Probes probes, String name) {
    return (Failed) report(probes, name).state();
  }

  private Duration wait(Probes probes) {
    return Duration.between(clock.now, failure(probes, "starts").retryAt().orElseThrow());
  }

  private static void run(String command) throws Exception {
    assertThat(new ProcessBuilder(command).start().waitFor()).isZero();
  }

  /** Stands still until it is set. */
  private static final class SettableClock extends Clock {
    Instant now = Instant.parse("2026-01-01T00:00:00Z");

    @Override
    public Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      throw new UnsupportedOperationException();
    }
  }
}
