package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.agent.testing.Cgroup;
import io.bianque.agent.testing.KernelTest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** More busy threads than CPUs, and the kernel's own figures beside the probe's. */
@KernelTest
class PsiTest {
  private static final Path CPU = Path.of("/proc/pressure/cpu");

  @BeforeAll
  static void isKept() {
    boolean kept;
    try {
      kept = !Files.readString(CPU).isEmpty();
    } catch (java.io.IOException off) {
      kept = false;
    }
    assumeTrue(kept, "this kernel keeps no pressure figures: boot it with psi=1");
  }

  @Test
  void totalsAreWhatTheKernelHasCountedSinceTheEpoch() throws Exception {
    long before = someMicros(CPU);
    try (SourceBench source = new SourceBench("psi", Map.of())) {
      long opened = someMicros(CPU);
      crowd(300);
      long counting = someMicros(CPU);
      source.poll();
      long read = someMicros(CPU);

      GenericRecord host = ofHost(source);
      assertThat((long) host.get("some_total_ns"))
          .isBetween((counting - opened) * 1000, (read - before) * 1000)
          .isPositive();
      assertThat((long) host.get("full_total_ns")).isNotNegative();
      assertThat(host.get("cgroup")).isNull();
      assertThat(host.get("cgroup_id")).isNull();
      ProbeReport report = source.report();
      assertThat(report.kernel().balances()).isTrue();
      assertThat(report.read()).isEqualTo(source.recordsOf("psi").size());
    }
  }

  @Test
  void tasksOfACgroupAreCountedForIt() throws Exception {
    try (SourceBench source = new SourceBench("psi", Map.of());
        Cgroup cgroup = new Cgroup("psi", "cpu")) {
      String busy = "(while :; do :; done) & (while :; do :; done) & (while :; do :; done) & ";
      String script = cgroup.enter() + busy + "sleep 0.5; kill $(jobs -p)";
      assertThat(new ProcessBuilder("bash", "-c", script).inheritIO().start().waitFor()).isZero();
      source.poll();

      List<GenericRecord> rows =
          source.recordsOf("psi").stream()
              .filter(row -> Objects.equals(row.get("cgroup_id"), cgroup.id()))
              .filter(row -> row.get("resource").toString().equals("CPU"))
              .toList();
      assertThat(rows).hasSize(1);
      assertThat((long) rows.getFirst().get("some_total_ns")).isPositive();
      assertThat(rows.getFirst().get("cgroup").toString()).startsWith("/bianque-psi-");
    }
  }

  @Test
  void kernelsTriggerIsAnEvent() throws Exception {
    Map<String, String> sensitive =
        Map.of(
            "cpu_some_ms",
            "50",
            "memory_some_ms",
            "0",
            "memory_full_ms",
            "0",
            "io_some_ms",
            "0",
            "io_full_ms",
            "0");
    try (SourceBench source = new SourceBench("psi", sensitive)) {
      crowd(500);
      GenericRecord event =
          source.await("trigger", e -> e.getSchema().getName().equals("psi_trigger"));

      assertThat(event.get("resource")).hasToString("CPU");
      assertThat(event.get("share")).hasToString("SOME");
      assertThat(event.get("threshold_ns")).isEqualTo(50_000_000L);
      assertThat(event.get("window_ns")).isEqualTo(2_000_000_000L);
      assertThat((long) event.get("total_ns"))
          .isPositive()
          .isLessThanOrEqualTo(someMicros(CPU) * 1000);
    }
  }

  @Test
  void thresholdBeyondItsLimitIsRefusedWithWhatIsAllowed() {
    assertThatThrownBy(() -> new SourceBench("psi", Map.of("cpu_some_ms", "10001")))
        .isInstanceOf(ProbeRejected.class)
        .hasMessage("probe psi: cpu_some_ms = 10001 does not fit; allowed is 0 to 10000");
  }

  private static GenericRecord ofHost(SourceBench source) {
    return source.recordsOf("psi").stream()
        .filter(row -> row.get("resource").toString().equals("CPU") && row.get("cgroup") == null)
        .findFirst()
        .orElseThrow();
  }

  /** Twice as many busy threads as CPUs. */
  private static void crowd(int millis) throws InterruptedException {
    long end = System.nanoTime() + millis * 1_000_000L;
    List<Thread> threads = new java.util.ArrayList<>();
    for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) {
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                while (System.nanoTime() < end) {
                  Thread.onSpinWait();
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private static long someMicros(Path file) throws Exception {
    String line = Files.readAllLines(file).getFirst();
    return Long.parseLong(line.substring(line.indexOf("total=") + 6));
  }
}
