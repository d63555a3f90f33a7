package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The crowd of {@code triggers/psi.sh}. */
public final class PsiExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> ofCpu =
        recording.raw("psi").stream()
            .filter(row -> row.get("resource").toString().equals("CPU"))
            .toList();
    assertThat(ofCpu)
        .as(recording.shown("psi"))
        .anyMatch(row -> row.get("cgroup") == null && (long) row.get("some_total_ns") > 0)
        .anyMatch(row ->
            "/bianque-psi".equals(row.get("cgroup") + "")
                && row.get("cgroup_id") != null
                && (long) row.get("some_total_ns") > 0);
    assertThat(recording.raw("psi_trigger"))
        .as("the kernel's own trigger")
        .anySatisfy(event -> {
          assertThat(event.get("resource")).hasToString("CPU");
          assertThat(event.get("share")).hasToString("SOME");
          assertThat(event.get("threshold_ns")).isEqualTo(1_500_000_000L);
          assertThat((long) event.get("total_ns")).isPositive();
        });
  }
}
