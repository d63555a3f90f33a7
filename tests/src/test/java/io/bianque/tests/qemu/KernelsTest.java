package io.bianque.tests.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.bianque.tests.qemu.Outcome.Broken;
import io.bianque.tests.qemu.expect.Recording;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The same agent and the same objects as on this machine's kernel, on kernels that Debian ships.
 */
@Tag("kernels")
class KernelsTest {
  private static final Path AGENT =
      Path.of("../probe-agent/target/dist").toAbsolutePath().normalize();

  private static final List<DebianKernel> KERNELS =
      Arrays.stream(DebianKernel.values())
          .filter(kernel -> chosen("kernels.series", kernel.series()))
          .toList();
  private static final List<Trigger> TRIGGERS =
      Trigger.all().stream().filter(t -> chosen("kernels.probes", t.probe())).toList();
  private static final Pattern ERRNO = Pattern.compile("\\bE[A-Z][A-Z0-9]+\\b");
  private static final Map<DebianKernel, CompletableFuture<GuestRun>> RUNS =
      new EnumMap<>(DebianKernel.class);

  /** Whether the property names it; one that is not there names all. */
  private static boolean chosen(String property, String name) {
    String names = System.getProperty(property, "");
    return names.isEmpty() || List.of(names.split(",")).contains(name);
  }

  /** The objects and schemas of probes that are not chosen. */
  private static List<String> left() {
    // A source has a schema and no object.
    List<String> probes =
        Stream.concat(
                objects().stream().map(KernelsTest::probe),
                Trigger.all().stream().map(Trigger::probe))
            .distinct()
            .toList();
    try (Stream<Path> files = Files.list(AGENT.resolve("probes"))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(file -> !chosen("kernels.probes", ownerOf(file, probes)))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The probe with the longest name that the file's begins with. */
  private static String ownerOf(String file, List<String> probes) {
    return probes.stream()
        .filter(probe -> file.startsWith(probe + ".") || file.startsWith(probe + "_"))
        .max(Comparator.comparingInt(String::length))
        .orElse("");
  }

  private static String probe(Path object) {
    return object.getFileName().toString().replaceFirst("\\.bpf\\.o$", "");
  }

  private static boolean allChosen() {
    return KERNELS.size() == DebianKernel.values().length
        && TRIGGERS.size() == Trigger.all().size();
  }

  @BeforeAll
  static void bootAll(@TempDir Path folder) throws IOException {
    List<String> programs =
        TRIGGERS.stream().flatMap(trigger -> trigger.programs().stream()).distinct().toList();
    Stream.concat(
            Stream.of("qemu-system-x86_64", "busybox", "cpio", "xz", "dpkg-deb", "clang", "ip"),
            programs.stream())
        .forEach(program ->
            assumeTrue(
                Tool.exists(program),
                () -> "needs " + program + ": ./bianque test kernels installs it"));
    assertThat(AGENT.resolve("bin/bianque-agent")).as("built by ./bianque build").exists();
    Path base = root(folder, programs).pack(folder.resolve("base.cpio"));
    // All at once: each waits as long as it works.
    try (ExecutorService guests = Executors.newVirtualThreadPerTaskExecutor()) {
      for (DebianKernel kernel : KERNELS) {
        Path own = Files.createDirectories(folder.resolve(kernel.series()));
        RUNS.put(
            kernel,
            CompletableFuture.supplyAsync(() -> GuestRun.of(kernel, own, base, TRIGGERS), guests));
      }
    }
  }

  private static GuestRoot root(Path folder, List<String> programs) throws IOException {
    GuestRoot root =
        GuestRoot.in(folder)
            .program("ip")
            .program("timeout")
            .javaRuntime()
            .library("libbpf.so.1")
            .folder(AGENT, "agent");
    left().forEach(file -> root.without("agent/probes/" + file));
    programs.forEach(root::program);
    TRIGGERS.stream()
        .flatMap(trigger -> trigger.natives().stream())
        .distinct()
        .forEach(name -> root.compiled(name, Trigger.resource("native/" + name + ".c")));
    StringBuilder order = new StringBuilder();
    for (Trigger trigger : TRIGGERS) {
      root.text("triggers/" + trigger.probe() + ".sh", trigger.script());
      order.append(trigger.probe() + " " + trigger.limit().toSeconds() + "\n");
    }
    root.text("triggers/order", order.toString());
    for (String file : List.of("init", "lib.sh", "namespaces.sh", "guest.sh")) {
      root.text(file, Trigger.resource(file));
    }
    return root;
  }

  @AfterAll
  static void show() {
    if (RUNS.isEmpty()) {
      return;
    }
    System.out.println("\n" + outcomes().table() + "\n" + hooks().table());
    RUNS.forEach((kernel, run) -> {
      if (!run.isCompletedExceptionally()) {
        System.out.printf(
            "%s: %s, %.1f s%n",
            kernel.series(), run.join().release(), run.join().took().toMillis() / 1e3);
      }
    });
  }

  /** What came of each probe. */
  private static Matrix outcomes() {
    Matrix matrix = Matrix.empty("probe");
    for (DebianKernel kernel : KERNELS) {
      CompletableFuture<GuestRun> run = RUNS.get(kernel);
      for (Trigger trigger : TRIGGERS) {
        String cell =
            run.isCompletedExceptionally()
                ? "BROKEN: the guest failed"
                : run.join().outcome(trigger.probe()).cell();
        matrix.put(
            "`" + trigger.probe() + "`",
            kernel.series(),
            NotShown.reason(trigger.probe(), kernel).map(KernelsTest::notShown).orElse(cell));
      }
      for (String probe : NotShown.probes()) {
        if (chosen("kernels.probes", probe)) {
          NotShown.reason(probe, kernel)
              .ifPresent(why -> matrix.put("`" + probe + "`", kernel.series(), notShown(why)));
        }
      }
    }
    return matrix;
  }

  private static String notShown(String reason) {
    return "not shown yet: " + reason;
  }

  /** What the doctor said of each variant of each hook, of probes that are shown. */
  private static Matrix hooks() {
    Matrix matrix = Matrix.empty("hook");
    for (DebianKernel kernel : KERNELS) {
      if (RUNS.get(kernel).isCompletedExceptionally()) {
        continue;
      }
      for (JsonNode probe : RUNS.get(kernel).join().doctor().get("probes")) {
        String name = probe.get("probe").asText();
        if (chosen("kernels.probes", name) && !NotShown.knows(name)) {
          probe
              .get("variants")
              .forEach(variant ->
                  matrix.put(
                      "`" + name + "` `" + variant.get("hook").asText() + "`",
                      kernel.series(),
                      variant.get("holds").asBoolean()
                          ? "holds"
                          : "no: " + errno(variant.get("reason").asText())));
        }
      }
    }
    return matrix;
  }

  /** Of a reason its errno: the rest is in libbpf's words, and those differ by its version. */
  private static String errno(String reason) {
    Matcher errno = ERRNO.matcher(reason);
    return errno.find() ? errno.group() : reason.lines().findFirst().orElse("");
  }

  static List<DebianKernel> kernels() {
    return KERNELS;
  }

  static List<Arguments> probes() {
    List<Arguments> all = new ArrayList<>();
    for (Trigger trigger : TRIGGERS) {
      KERNELS.forEach(kernel -> all.add(Arguments.of(trigger.probe(), kernel)));
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("probes")
  void seesWhatIsTriggered(String probe, DebianKernel kernel) {
    if (RUNS.get(kernel).join().outcome(probe) instanceof Broken(Throwable why)) {
      NotShown.reason(probe, kernel)
          .ifPresent(reason -> abort(notShown(reason) + "; " + why.getMessage()));
      fail(
          "%s on %s: %s%n%s%n%s",
          probe,
          kernel.series(),
          why.getMessage(),
          RUNS.get(kernel).join().recording().shown(probe),
          RUNS.get(kernel).join().result("guest.log"),
          why);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void tellsTheKernelAndBalances(DebianKernel kernel) {
    GuestRun run = RUNS.get(kernel).join();

    assertThat(run.recording().host().get("kernel_release").toString()).isEqualTo(run.release());
    assertThat(run.recording().probes())
        .isNotEmpty()
        .allSatisfy(probe -> {
          GenericRecord counters = run.recording().atEnd(probe);
          assertThat((long) counters.get("attempted"))
              .as("attempted of %s", counters)
              .isEqualTo(
                  (long) counters.get("rate_limited")
                      + (long) counters.get("ring_full")
                      + (long) counters.get("submitted"));
        });
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void seesDropsThroughBothChannels(DebianKernel kernel) {
    assumeTrue(chosen("kernels.probes", "dropwatch"), "dropwatch is not chosen");
    GuestRun run = RUNS.get(kernel).join();

    for (String channel : List.of("ringbuf", "perf")) {
      Recording recording = run.recording(channel);
      assertThat(recording.atStart("dropwatch").get("channel")).hasToString(channel);
      GuestRun.expectation("dropwatch").check(recording, kernel);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void runsTheSameObjects(DebianKernel kernel) {
    String sums = RUNS.get(kernel).join().result("objects.sha256");

    List<Path> objects =
        objects().stream().filter(object -> chosen("kernels.probes", probe(object))).toList();
    assumeThat(objects).as("objects of the chosen probes").isNotEmpty();
    assertThat(objects)
        .allSatisfy(object ->
            assertThat(sums).contains(sha256(object) + "  /agent/probes/" + object.getFileName()));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void isExaminedByTheDoctor(DebianKernel kernel) {
    GuestRun run = RUNS.get(kernel).join();

    for (Trigger trigger : TRIGGERS) {
      if (run.outcome(trigger.probe()) instanceof Outcome.Seen) {
        assertThat(run.doctor().get("probes"))
            .as("%s on %s", trigger.probe(), kernel.series())
            .anySatisfy(probe -> {
              assertThat(probe.get("probe").asText()).isEqualTo(trigger.probe());
              assertThat(probe.get("works").asBoolean()).as("%s", probe).isTrue();
            });
      }
    }
  }

  @Test
  void haveATriggerForEachProbe() {
    assumeTrue(allChosen(), "not all are chosen");
    Set<String> triggered = new TreeSet<>();
    TRIGGERS.forEach(trigger -> triggered.add(trigger.probe()));
    triggered.addAll(NotShown.probes());

    assertThat(RUNS.values())
        .flatExtracting(run -> run.join().doctor().findValuesAsText("probe"))
        .isNotEmpty()
        .allSatisfy(probe -> assertThat(triggered).as("triggers/%s.sh", probe).contains(probe));
  }

  /** The page says what is so: hooks and outcomes, though not how often. */
  @Test
  void areAsDocumented() {
    List<Matrix> seen = List.of(outcomes(), hooks());
    if (Boolean.getBoolean("kernels.write") && !outcomes().table().contains("BROKEN")) {
      for (Matrix matrix : seen) {
        Matrix next = allChosen() ? Matrix.empty(matrix.name()) : Matrix.committed(matrix.name());
        next.putAll(matrix);
        next.write();
      }
    }
    for (Matrix matrix : seen) {
      Matrix committed = Matrix.committed(matrix.name());
      assertThat((allChosen() ? committed : committed.only(matrix)).comparable().table())
          .as("docs/kernels.md; ./bianque test kernels --write writes what was seen")
          .isEqualTo(matrix.comparable().table());
    }
  }

  private static List<Path> objects() {
    try (Stream<Path> files = Files.list(AGENT.resolve("probes"))) {
      return files
          .filter(file -> file.getFileName().toString().endsWith(".bpf.o"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String sha256(Path file) {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
