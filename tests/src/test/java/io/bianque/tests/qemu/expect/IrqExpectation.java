package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The reads of {@code triggers/irq.sh}: each ends with an interrupt of the disk's only queue. */
public final class IrqExpectation implements Expectation {
  private static final int READS = 20;

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> counts = recording.raw("irq_latency");
    assertThat(counts)
        .isNotEmpty()
        .allSatisfy(count -> {
          assertThat((int) count.get("on_cpu")).isBetween(0, 1);
          assertThat((long) count.get("irq")).isNotNegative();
          assertThat((long) count.get("run_count")).isPositive();
          assertThat(Recording.sum(count, "run_ns")).isEqualTo((long) count.get("run_count"));
          assertThat((long) count.get("unhandled")).isBetween(0L, (long) count.get("run_count"));
        });
    List<GenericRecord> ofDisk =
        counts.stream()
            .filter(count -> count.get("handler").toString().matches("virtio\\d+-req\\.\\d+"))
            .toList();
    assertThat(ofDisk)
        .as("handlers of disks")
        .anySatisfy(count -> {
          assertThat((long) count.get("run_count")).isGreaterThanOrEqualTo(READS);
          assertThat((long) count.get("run_total_ns")).isPositive();
          assertThat(count.get("unhandled")).isEqualTo(0L);
        });
  }
}
