package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The counts of {@code triggers/memory_reclaim.sh}: of a cgroup at its limit, and of the host. */
public final class MemoryReclaimExpectation implements Expectation {

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> counts = recording.raw("memory_reclaim_time");
    for (String kind : List.of("MEMCG", "GLOBAL")) {
      assertThat(counts)
          .as(kind)
          .anySatisfy(count -> {
            assertThat(count.get("kind")).hasToString(kind);
            assertThat((long) count.get("memcg_id")).isPositive();
            assertThat((long) count.get("count")).isPositive();
            assertThat((long) count.get("total_ns")).isPositive();
            assertThat((long) count.get("reclaimed_pages")).isPositive();
            assertThat(((List<?>) count.get("duration_ns")).stream().mapToLong(n -> (long) n).sum())
                .isEqualTo((long) count.get("count"));
          });
    }
  }
}
