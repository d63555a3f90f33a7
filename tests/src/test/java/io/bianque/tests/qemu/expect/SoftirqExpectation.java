package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The vectors that {@code triggers/softirq.sh} raises. */
public final class SoftirqExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> counts = recording.raw("softirq_latency");
    for (String vector : List.of("TIMER", "NET_RX")) {
      assertThat(counts)
          .filteredOn(count -> count.get("vector").toString().equals(vector))
          .as(vector)
          .isNotEmpty()
          .allSatisfy(count -> assertThat((int) count.get("on_cpu")).isBetween(0, 1))
          .anySatisfy(count -> {
            assertThat((long) count.get("delay_count")).isPositive();
            assertThat((long) count.get("delay_total_ns")).isPositive();
            assertThat((long) count.get("run_count")).isPositive();
            assertThat((long) count.get("run_total_ns")).isPositive();
          });
    }
  }
}
