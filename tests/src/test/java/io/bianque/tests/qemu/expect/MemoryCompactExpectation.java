package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/**
 * The counts of {@code triggers/memory_compact.sh}: on request, and of who waits for huge pages.
 */
public final class MemoryCompactExpectation implements Expectation {

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> counts = recording.raw("memory_compact_time");
    for (String kind : List.of("ZONE_REQUESTED", "ZONE_DIRECT", "STALL")) {
      assertThat(counts)
          .as(kind)
          .anySatisfy(count -> {
            assertThat(count.get("kind")).hasToString(kind);
            assertThat((long) count.get("count")).isPositive();
            assertThat((long) count.get("total_ns")).isPositive();
            assertThat(Recording.sum(count, "duration_ns")).isEqualTo((long) count.get("count"));
          });
    }
    assertThat(counts)
        .filteredOn(count -> count.get("kind").toString().equals("STALL"))
        .allSatisfy(count ->
            assertThat((long) count.get("attempts"))
                .isGreaterThanOrEqualTo((long) count.get("count")));
  }
}
