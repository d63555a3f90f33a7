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
            // On the way to a kill the host has nothing left that could be given back.
            assertThat((long) count.get("reclaimed_pages"))
                .isGreaterThanOrEqualTo(kind.equals("MEMCG") ? 1 : 0);
            assertThat(Recording.sum(count, "duration_ns")).isEqualTo((long) count.get("count"));
          });
    }
  }
}
