package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.agent.binary.MappedFiles;
import io.bianque.agent.binary.PerfMaps;
import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.HostRoot;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.probe.ProbeState.Attached;
import io.bianque.agent.probe.ProbeState.Skipped;
import io.bianque.agent.testing.Cgroup;
import io.bianque.agent.testing.JavaProgram;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.Program;
import io.bianque.facts.SymbolChunk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Samples of programs that run all the time, in a cgroup of their own. */
@KernelTest
class PerfTest {
  private static final Duration WHILE = Duration.ofSeconds(3);
  private static final int HERTZ = 99;

  /** Idle, for some 50 samples. */
  private static final double ENOUGH_SECONDS = 0.5;

  /** Of the kernel's clock of process times: 100 a second. */
  private static final double TICK_SECONDS = 0.01;

  private static KernelSymbols symbols;
  private Cgroup cgroup;
  private Process busy;
  private ProbeBench probe;
  @TempDir Path folder;

  @BeforeAll
  static void readSymbols() {
    symbols = new KernelSymbols();
  }

  @BeforeEach
  void makeCgroup() {
    cgroup = new Cgroup("perf", "cpu");
  }

  @AfterEach
  void end() throws InterruptedException {
    if (probe != null) {
      probe.close();
    }
    if (busy != null) {
      busy.destroyForcibly().waitFor();
    }
    cgroup.close();
  }

  private void run(String shell) throws IOException {
    busy = new ProcessBuilder("bash", "-c", cgroup.enter() + shell).start();
  }

  private void attach(Channel channel, Map<String, String> tunables) {
    probe = ProbeBench.of("perf", channel, 1 << 20, tunables, Set.of("perf_event"));
  }

  private Map<String, String> onlyTheCgroup() {
    return Map.of("cgroup_id", Long.toString(cgroup.id()));
  }

  @ParameterizedTest
  @EnumSource(names = {"RINGBUF", "PERF"})
  void aLoopIsSampledAsOftenAsItRuns(Channel channel) throws Exception {
    run("while :; do :; done");
    attach(channel, onlyTheCgroup());
    var _ = probe.await("a sample", _ -> true);
    probe.events.clear();

    double before = cpuSeconds(busy.pid());
    probe.drainFor(WHILE);
    double ran = cpuSeconds(busy.pid()) - before;

    assertThat(probe.events)
        .hasSizeBetween((int) (0.8 * HERTZ * ran) - 2, (int) (1.2 * HERTZ * ran) + 2)
        .allSatisfy(event -> {
          assertThat(event.get("pid")).isEqualTo((int) busy.pid());
          assertThat(event.get("tid")).isEqualTo((int) busy.pid());
          assertThat(event.get("comm")).hasToString("bash");
          assertThat(event.get("cgroup_id")).isEqualTo(cgroup.id());
        });
    // A loop of a shell is in user space nearly all the time: there the kernel has no stack.
    assertThat(probe.events)
        .filteredOn(event -> frames(event, "kernel_stack").isEmpty())
        .hasSizeGreaterThan(probe.events.size() / 2)
        // Bash keeps no frame pointers: only the first frame is sure.
        .allSatisfy(event -> assertThat(isCode(busy.pid(), userFrames(event).getFirst())).isTrue());
    ProbeReport report = probe.stop();
    assertThat(report.kernel().balances()).isTrue();
    assertThat(report.kernel().rateLimited()).isZero();
    assertThat(report.kernel().ringFull()).isZero();
  }

  @Test
  void workInTheKernelHasItsStackFromTheInstructionThatWasInterrupted() throws Exception {
    run("exec dd if=/dev/zero of=/dev/null bs=1M 2>/dev/null");
    attach(Channel.RINGBUF, onlyTheCgroup());

    GenericRecord event =
        probe.await(
            "a read of /dev/zero",
            each -> functions(each).stream().anyMatch(f -> f.equals("read_zero")));

    assertThat(event.get("comm")).hasToString("dd");
    assertThat(functions(event)).contains("vfs_read").noneMatch(f -> f.contains("bpf"));
    assertThat(functions(event).getFirst()).doesNotContain("hrtimer", "perf_");
    assertThat(userFrames(event)).isNotEmpty();
  }

  /** The kernel and the table mean the same by an offset. */
  @ParameterizedTest
  @ValueSource(strings = {"-pie", "-no-pie"})
  void functionsOfAProgramAreNamedByTheTableOfItsFile(String link) throws Exception {
    run("exec " + Program.compile(folder, link));
    attach(Channel.RINGBUF, onlyTheCgroup());
    GenericRecord event =
        probe.await(
            "a sample in leaf()",
            each ->
                each.get("comm").toString().equals("burn")
                    && userFrames(each).size() > 3
                    && ((List<?>) each.get("kernel_stack")).isEmpty());
    String buildId = buildId(userFrames(event).getFirst());

    TreeMap<Long, String> table = new TreeMap<>();
    List<SymbolChunk> chunks = new ArrayList<>();
    Thread reader =
        Thread.ofPlatform()
            .start(() ->
                new MappedFiles(HostRoot.SYSTEM).stream((buildId + "/user")::equals, chunks::add));
    reader.join();
    for (SymbolChunk chunk : chunks) {
      assertThat(chunk.getFile()).isEqualTo("burn");
      chunk
          .getSymbols()
          .forEach(
              each -> table.merge(each.getOffset(), each.getName(), (a, b) -> a.isEmpty() ? b : a));
    }
    List<String> named = new ArrayList<>();
    for (GenericRecord frame : userFrames(event).subList(0, 3)) {
      assertThat(buildId(frame)).isEqualTo(buildId);
      long at = (Long) frame.get("offset") - (named.isEmpty() ? 0 : 1);
      named.add(table.floorEntry(at).getValue());
    }
    assertThat(named).containsExactly("leaf", "middle", "main");
    assertThat(buildId(userFrames(event).get(3))).as("of libc").isNotEqualTo(buildId);
  }

  @Test
  void methodsThatAJvmHasCompiledAreNamedByItsMap() throws Exception {
    run("exec " + JavaProgram.command(JavaProgram.classes()));
    Path map = Path.of("/tmp/perf-" + busy.pid() + ".map");
    try {
      JavaProgram.writeMap(map, busy.pid());
      assertJavaMethodsAreNamed((int) busy.pid());
    } finally {
      Files.deleteIfExists(map);
    }
  }

  /** As in a container: its /tmp is another, and so is its own number. */
  @Test
  void soAreThoseOfAJvmInNamespacesOfItsOwn() throws Exception {
    Path classes = Path.of("/mnt");
    run(
        "exec unshare --mount --pid --fork --kill-child --mount-proc bash -c 'mount --bind %s %s && mount -t tmpfs tmpfs /tmp && exec %s'"
            .formatted(JavaProgram.classes(), classes, JavaProgram.command(classes)));
    Path children = Path.of("/proc/%d/task/%<d/children".formatted(busy.pid()));
    await().until(() -> !Files.readString(children).isBlank());
    String pid = Files.readString(children).strip();
    JavaProgram.writeMap(
        Path.of("/proc/" + pid + "/root/tmp/perf-1.map"),
        1,
        "nsenter",
        "--target=" + pid,
        "--mount",
        "--pid");

    assertJavaMethodsAreNamed(Integer.parseInt(pid));
  }

  private void assertJavaMethodsAreNamed(int pid) {
    PerfMaps names = new PerfMaps(HostRoot.SYSTEM, 4 << 20);
    probe =
        ProbeBench.of(
            "perf", Channel.RINGBUF, 1 << 20, onlyTheCgroup(), Set.of("perf_event"), names);

    GenericRecord event =
        probe.await(
            "a sample in leaf()",
            each ->
                userFrames(each).size() > 2
                    && userFrames(each).getFirst().get("symbol") != null
                    && userFrames(each).getFirst().get("symbol").toString().contains("leaf"));

    assertThat(event.get("pid")).isEqualTo(pid);
    assertThat(userFrames(event).subList(0, 2))
        .allSatisfy(frame -> assertThat(frame.get("build_id")).isNull())
        .extracting(frame -> frame.get("symbol").toString())
        .containsExactly(JavaProgram.METHOD + "leaf()", JavaProgram.METHOD + "middle()");
    // What started main() is in files.
    assertThat(userFrames(event))
        .filteredOn(frame -> frame.get("build_id") != null)
        .isNotEmpty()
        .allSatisfy(frame -> assertThat(frame.get("symbol")).isNull());
  }

  private static String buildId(GenericRecord frame) {
    return HexFormat.of().formatHex(((GenericFixed) frame.get("build_id")).bytes());
  }

  @Test
  void otherRatesCanBeAskedFor() throws Exception {
    run("while :; do :; done");
    attach(Channel.RINGBUF, Map.of("cgroup_id", Long.toString(cgroup.id()), "sample_hz", "499"));
    var _ = probe.await("a sample", _ -> true);
    probe.events.clear();
    double before = cpuSeconds(busy.pid());
    probe.drainFor(WHILE);
    double ran = cpuSeconds(busy.pid()) - before;
    assertThat(probe.events.size()).isBetween((int) (400 * ran), (int) (600 * ran) + 2);
  }

  @Test
  void idleCpusAreSampledOnlyWhenAskedFor() throws Exception {
    attach(Channel.RINGBUF, Map.of());
    probe.drainFor(Duration.ofSeconds(1));
    assertThat(probe.events).noneMatch(event -> event.get("tid").equals(0));
    probe.close();
    attach(Channel.RINGBUF, Map.of("watch_idle", "true"));
    double before = idleSeconds();
    for (int i = 0; i < 20 && idleSeconds() - before < ENOUGH_SECONDS; i++) {
      probe.drainFor(Duration.ofSeconds(1));
    }
    assumeTrue(idleSeconds() - before >= ENOUGH_SECONDS, "no CPU of this machine was idle");
    probe.drain();
    assertThat(probe.events)
        .filteredOn(event -> event.get("tid").equals(0))
        .isNotEmpty()
        .allSatisfy(idle -> assertThat(idle.get("comm").toString()).startsWith("swapper/"));
  }

  @Test
  void itDoesNotStartWithTheAgentUnlessTheConfigurationSaysSo() throws Exception {
    ProbeFiles files = ProbeBench.files("perf");
    Files.copy(files.object().orElseThrow(), folder.resolve("perf.bpf.o"));
    Files.copy(files.schema(), folder.resolve("perf.avsc"));
    try (Probes probes = probes(Map.of())) {
      probes.startAll();
      assertThat(probes.state("perf").orElseThrow())
          .isInstanceOfSatisfying(
              Skipped.class, skipped -> assertThat(skipped.reason()).contains("on request"));
      assertThat(probes.startsByItself("perf")).isFalse();
      assertThat(probes.start("perf", Map.of("sample_hz", "9"))).isInstanceOf(Attached.class);
    }
    try (Probes probes = probes(Map.of("perf", true))) {
      probes.startAll();
      assertThat(probes.state("perf").orElseThrow()).isInstanceOf(Attached.class);
      assertThat(probes.startsByItself("perf")).isTrue();
    }
  }

  private Probes probes(Map<String, Boolean> enabled) {
    ProbeSettings defaults = ProbeSettings.of(folder);
    return new Probes(
        new ProbeSettings(
            defaults.folders(),
            enabled,
            Set.of(),
            Map.of(),
            Channel.AUTO,
            OptionalInt.of(1 << 16),
            Duration.ofSeconds(10),
            Optional.empty()),
        "host",
        "boot",
        () -> 0,
        CodeNames.NONE,
        (_, _, _, _, _, _, _) -> {});
  }

  /** Whether it lies in a file's code, as the process has it mapped. */
  private static boolean isCode(long pid, GenericRecord frame) throws IOException {
    long offset = (Long) frame.get("offset");
    return frame.get("build_id") != null
        && Files.readAllLines(Path.of("/proc/" + pid + "/maps")).stream()
            .map(line -> List.of(line.split(" +", 4)))
            .filter(mapping -> mapping.get(1).startsWith("r-x"))
            .anyMatch(mapping -> {
              List<String> range = List.of(mapping.getFirst().split("-", 2));
              long into = offset - Long.parseUnsignedLong(mapping.get(2), 16);
              long size =
                  Long.parseUnsignedLong(range.getLast(), 16)
                      - Long.parseUnsignedLong(range.getFirst(), 16);
              return 0 <= into && into < size;
            });
  }

  private static List<GenericRecord> userFrames(GenericRecord event) {
    return ((List<?>) event.get("user_frames")).stream().map(GenericRecord.class::cast).toList();
  }

  private static List<Long> frames(GenericRecord event, String stack) {
    return ((List<?>) event.get(stack)).stream().map(each -> (Long) each).toList();
  }

  private static List<String> functions(GenericRecord event) {
    return frames(event, "kernel_stack").stream().map(symbols::function).toList();
  }

  /** Of all CPUs together, since the machine was started. */
  private static double idleSeconds() throws IOException {
    return Files.readAllLines(Path.of("/proc/stat")).stream()
            .filter(line -> line.startsWith("cpu "))
            .mapToLong(line -> Long.parseLong(line.split(" +", 6)[4]))
            .sum()
        * TICK_SECONDS;
  }

  private static double cpuSeconds(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1));
    return (Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12))) * TICK_SECONDS;
  }
}
