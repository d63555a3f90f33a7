package io.bianque.tests.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.tests.qemu.expect.Expectation;
import io.bianque.tests.qemu.expect.Recording;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;

/** A kernel's boot, with all that its guest brought back. */
final class GuestRun {
  /** In this order, and only what a kernel has not built in. */
  private static final List<String> MODULES =
      List.of("crc32c_generic", "virtio_pci", "virtio_blk", "veth", "nf_tables");

  /** For three guests at once on two cores that do other work too. */
  private static final Duration LIMIT = Duration.ofMinutes(12);

  private static final String SKIP = "skip: ";

  private final DebianKernel kernel;
  private final String release;
  private final Guest guest;
  private final Recording recording;
  private final Map<String, Outcome> outcomes = new ConcurrentHashMap<>();

  private GuestRun(DebianKernel kernel, String release, Guest guest) {
    this.kernel = kernel;
    this.release = release;
    this.guest = guest;
    this.recording = recording("ringbuf");
  }

  /** Boots it with {@code base} as its root folder, and waits for its end. */
  static GuestRun of(DebianKernel kernel, Path folder, Path base, Collection<Trigger> triggers) {
    KernelFiles files = kernel.unpack(folder);
    List<String> modules =
        Stream.concat(MODULES.stream(), triggers.stream().flatMap(t -> t.modules().stream()))
            .distinct()
            .toList();
    Path initramfs =
        GuestRoot.over(folder)
            .modules(files.withDependencies(modules))
            .text(
                "settings",
                """
                export SERIES=%s
                export CGROUPS=%s
                """
                    .formatted(kernel.series(), kernel.cgroups()))
            .packOver(base, folder.resolve("initramfs.cpio"));
    Guest guest;
    try {
      guest = Guest.run(folder, kept(folder, kernel), files, initramfs, LIMIT);
    } catch (Guest.EmulatorFault fault) {
      System.out.printf("%s is booted once more: %s%n", kernel.series(), fault.getMessage());
      guest = Guest.run(folder, kept(folder, kernel), files, initramfs, LIMIT);
    }
    assertThat(text(guest.results().resolve("status")).strip()).as(guest.console()).isEqualTo("0");
    return new GuestRun(kernel, files.release(), guest);
  }

  /** Where a guest's results, logs and console stay until the next run, to be looked at. */
  private static Path kept(Path folder, DebianKernel kernel) {
    Path kept = Path.of("target/kernels").resolve(kernel.series()).toAbsolutePath();
    try {
      Tool.run(Duration.ofMinutes(1), folder, List.of("rm", "-rf", kept.toString()));
      return Files.createDirectories(kept);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  DebianKernel kernel() {
    return kernel;
  }

  String release() {
    return release;
  }

  Duration took() {
    return guest.took();
  }

  /** What its serial console showed. */
  String console() {
    return guest.console();
  }

  /** What the agent recorded through its usual channel. */
  Recording recording() {
    return recording;
  }

  /** What it recorded through that channel: ringbuf, perf. */
  Recording recording(String channel) {
    return new Recording(
        guest.results().resolve(channel + ".avro"), guest.results().resolve("kallsyms"));
  }

  /** What the doctor said in the guest. */
  JsonNode doctor() {
    try {
      return new ObjectMapper().readTree(guest.results().resolve("doctor.json").toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file that the guest left. */
  String result(String name) {
    return text(guest.results().resolve(name));
  }

  Outcome outcome(String probe) {
    return outcomes.computeIfAbsent(probe, this::judge);
  }

  private Outcome judge(String probe) {
    try {
      assertThat(recording.probes()).as("probes that the agent tried").contains(probe);
      GenericRecord state = recording.atStart(probe);
      boolean attached = state.get("state").toString().equals("ATTACHED");
      String hook = String.valueOf(state.get("hook"));
      String output = result("triggers/" + probe + "/output");
      assertThat(result("triggers/" + probe + "/status").strip())
          .as(
              "status of triggers/%s.sh, which said last \"%s\", and in all:%n%s",
              probe, output.lines().reduce("", (first, second) -> second), output)
          .isEqualTo("0");
      String skipped =
          output
              .lines()
              .filter(line -> line.startsWith(SKIP))
              .map(line -> line.substring(SKIP.length()))
              .findFirst()
              .orElse(null);
      if (skipped != null) {
        return attached ? new Outcome.Untriggered(hook, skipped) : new Outcome.Skipped(skipped);
      }
      assertThat(attached).as("attached; the agent said: %s", state.get("reason")).isTrue();
      expectation(probe).check(recording, kernel);
      return new Outcome.Seen(
          hook, recording.seen(probe, Trigger.all().stream().map(Trigger::probe).toList()));
    } catch (AssertionError | RuntimeException e) {
      return new Outcome.Broken(e);
    }
  }

  /** {@code net_rx_latency} is checked by {@code expect.NetRxLatencyExpectation}. */
  static Expectation expectation(String probe) {
    String name =
        Arrays.stream(probe.split("_"))
            .map(
                word -> word.substring(0, 1).toUpperCase(java.util.Locale.ROOT) + word.substring(1))
            .collect(
                Collectors.joining("", Expectation.class.getPackageName() + ".", "Expectation"));
    try {
      return Class.forName(name)
          .asSubclass(Expectation.class)
          .getDeclaredConstructor()
          .newInstance();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("probe " + probe + " needs a class " + name, e);
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
