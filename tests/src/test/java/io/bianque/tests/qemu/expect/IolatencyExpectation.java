package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The three reads of {@code triggers/iolatency.sh} from a disk that takes 60 ms for each. */
public final class IolatencyExpectation implements Expectation {
  private static final long REQUEST_NS = 60_000_000;

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> slow =
        recording.raw("iolatency").stream()
            .filter(e -> "dd".equals(String.valueOf(e.get("comm"))))
            .filter(e -> e.get("disk").toString().startsWith("nullb"))
            .filter(e -> (long) e.get("bytes") == 4096)
            .toList();
    assertThat(slow).extracting(e -> e.get("sector")).contains(16L, 24L, 32L);
    assertThat(slow)
        .allSatisfy(e -> {
          assertThat(e.get("operation")).hasToString("READ");
          assertThat(e.get("outcome")).hasToString("DONE");
          assertThat((long) e.get("dispatched_ns")).isGreaterThanOrEqualTo(REQUEST_NS);
          assertThat((long) e.get("queued_ns"))
              .isGreaterThanOrEqualTo((long) e.get("dispatched_ns"));
          assertThat((int) e.get("pid")).isPositive();
        });
    assertThat(recording.raw("iolatency_time"))
        .as("counts of the disk")
        .anySatisfy(count -> {
          assertThat(count.get("disk").toString()).startsWith("nullb");
          assertThat(count.get("operation")).hasToString("READ");
        });
  }
}
