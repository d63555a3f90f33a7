package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The copying that {@code triggers/perf.sh} has the kernel do. */
public final class PerfExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> samples =
        recording.raw("perf").stream()
            .filter(sample -> sample.get("comm").toString().equals("dd"))
            .toList();
    assertThat(samples)
        .as("samples of dd")
        .hasSizeGreaterThan(5)
        .allSatisfy(sample -> assertThat((int) sample.get("cpu")).isBetween(0, 1))
        .anySatisfy(
            sample -> assertThat(recording.functions(sample, "kernel_stack")).contains("vfs_read"))
        // The guest's programs are built by Debian, which gives each file its build id.
        .anySatisfy(sample ->
            assertThat((List<?>) sample.get("user_frames"))
                .anySatisfy(
                    frame -> assertThat(((GenericRecord) frame).get("build_id")).isNotNull()));
  }
}
