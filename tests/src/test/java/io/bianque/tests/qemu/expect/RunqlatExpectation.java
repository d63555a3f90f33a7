package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The task of {@code triggers/runqlat.sh} that waits while another has its CPU. */
public final class RunqlatExpectation implements Expectation {
  private static final int CPU = 1;

  /** Half a second, of which the kernel's limit for real-time tasks may leave some to others. */
  private static final long WAIT_NS = 300_000_000;

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    assertThat(recording.raw("runqlat"))
        .filteredOn(event -> event.get("comm").toString().equals("waits"))
        .as(recording.shown("runqlat"))
        .anySatisfy(event -> {
          assertThat((long) event.get("latency_ns")).isGreaterThan(WAIT_NS);
          assertThat(event.get("wait_cause")).hasToString("PREEMPTED");
          assertThat(event.get("cpu")).isEqualTo(CPU);
          assertThat((int) event.get("pid")).isPositive();
          assertThat(event.get("tid")).isEqualTo(event.get("pid"));
          assertThat((long) event.get("cgroup_id")).isPositive();
          assertThat((long) event.get("cpu_cgroup_id")).isPositive();
          // Nice 0.
          assertThat(event.get("prio")).isEqualTo(120);
          assertThat(event.get("prev_comm").toString()).isNotEmpty();
        });
    List<GenericRecord> counts = recording.raw("runqlat_latency");
    assertThat(counts)
        .isNotEmpty()
        .allSatisfy(count ->
            assertThat(Recording.sum(count, "latency_ns")).isEqualTo((long) count.get("count")))
        .anySatisfy(count -> {
          assertThat((long) count.get("cpu_cgroup_id")).isPositive();
          assertThat((long) count.get("total_ns")).isGreaterThan(WAIT_NS);
          assertThat((long) count.get("voluntary_switches")).isPositive();
          assertThat((long) count.get("involuntary_switches")).isPositive();
        });
  }
}
