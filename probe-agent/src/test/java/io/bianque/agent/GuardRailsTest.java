package io.bianque.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.probe.ProbeSettings;
import io.bianque.agent.probe.ProbeState;
import io.bianque.agent.probe.ProbeState.Attached;
import io.bianque.agent.probe.ProbeState.Failed;
import io.bianque.agent.probe.Probes;
import io.bianque.agent.testing.KernelTest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two real probes: one whose programs run at every context switch, and one that hardly ever runs.
 */
@KernelTest
class GuardRailsTest {
  private static final String DEAR = "runqlat";
  private static final String CHEAP = "oom";
  private static final Duration PAUSE = Duration.ofSeconds(2);
  private static final long PLENTY = 1L << 40;

  @TempDir Path folder;

  @BeforeEach
  void twoProbes() throws Exception {
    for (Path source :
        List.of(Path.of("../bpf/target/probes"), Path.of("../schemas/src/main/avro/raw"))) {
      try (var files = Files.list(source)) {
        for (Path file : files.toList()) {
          String name = file.getFileName().toString();
          if (name.matches("(%s|%s)(_latency)?\\.(bpf\\.o|avsc)".formatted(DEAR, CHEAP))) {
            Files.copy(file, folder.resolve(name));
          }
        }
      }
    }
  }

  @Test
  void theDearestProbeIsDetachedForAWhileAndSaysWhy() throws Exception {
    AtomicInteger shed = new AtomicInteger();
    try (Probes probes = probes()) {
      probes.startAll();
      GuardRails guard =
          new GuardRails(
              probes,
              new AgentConfig.Guard(100_000, 0.01, PLENTY, PAUSE),
              Duration.ofMillis(300),
              2,
              shed::incrementAndGet);
      turnUntil(guard, () -> shed.get() > 0);

      Failed failed = (Failed) state(probes, DEAR);
      assertThat(failed.reason())
          .contains("over the budget", "of 0.01 %", "this probe was the dearest");
      assertThat(state(probes, CHEAP)).isInstanceOf(Attached.class);

      Thread.sleep(PAUSE);
      probes.retryFailed();
      assertThat(state(probes, DEAR)).isInstanceOf(Attached.class);
    }
  }

  @Test
  void withinTheBudgetNothingIsDetached() throws Exception {
    AtomicInteger shed = new AtomicInteger();
    try (Probes probes = probes()) {
      probes.startAll();
      GuardRails guard =
          new GuardRails(
              probes,
              new AgentConfig.Guard(100_000, 100_000, PLENTY, PAUSE),
              Duration.ofMillis(300),
              1,
              shed::incrementAndGet);
      long end = System.nanoTime() + Duration.ofSeconds(3).toNanos();
      turnUntil(guard, () -> System.nanoTime() > end);

      assertThat(shed).hasValue(0);
    }
  }

  @Test
  void tooMuchMemoryDetachesToo() throws Exception {
    AtomicInteger shed = new AtomicInteger();
    try (Probes probes = probes()) {
      probes.startAll();
      GuardRails guard =
          new GuardRails(
              probes,
              new AgentConfig.Guard(100_000, 100_000, 1 << 20, PAUSE),
              Duration.ofMillis(300),
              1,
              shed::incrementAndGet);
      turnUntil(guard, () -> shed.get() > 0);

      assertThat(((Failed) state(probes, DEAR)).reason()).containsPattern("\\d+ MiB of 1 MiB");
    }
  }

  private Probes probes() {
    return new Probes(
        ProbeSettings.of(folder),
        "host",
        "boot",
        ClockOffset::measureNanos,
        CodeNames.NONE,
        (probe, epoch, wallNanos, buffer, offset, length, receipt) -> {});
  }

  /** As the drain thread does, with context switches to count, but not for ever. */
  private static void turnUntil(GuardRails guard, java.util.function.BooleanSupplier done)
      throws InterruptedException {
    long giveUp = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!done.getAsBoolean()) {
      assertThat(System.nanoTime()).as("nothing happens").isLessThan(giveUp);
      guard.turn(System.nanoTime());
      for (int i = 0; i < 50; i++) {
        Thread.sleep(1);
      }
    }
  }

  private static ProbeState state(Probes probes, String name) {
    return probes.report().stream()
        .filter(report -> report.probe().equals(name))
        .findFirst()
        .orElseThrow()
        .state();
  }
}
