package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The machine checks of {@code triggers/ras.sh}. */
public final class RasExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> events =
        recording.raw("ras").stream()
            .filter(e -> e.get("source").toString().equals("MACHINE_CHECK"))
            .toList();
    GenericRecord corrected = at(events, 0x1234567000L);
    assertThat(corrected.get("severity")).hasToString("CORRECTED");
    assertThat(corrected.get("mce_cpu")).isEqualTo(1);
    assertThat(corrected.get("mce_bank")).isEqualTo(3L);
    assertThat(corrected.get("mce_status")).isEqualTo(0x9400000000000090L);
    assertThat(corrected.get("mce_error_code")).isEqualTo(0x90);
    assertThat(corrected.get("mce_overflow")).hasToString("NO");
    assertThat(corrected.get("mce_misc")).isNull();
    assertThat(corrected.get("label")).isNull();
    assertThat(corrected.get("aer_status")).isNull();
    GenericRecord overflow = at(events, 0x1234568000L);
    assertThat(overflow.get("severity")).hasToString("CORRECTED");
    assertThat(overflow.get("mce_overflow")).hasToString("YES");
    GenericRecord uncorrected = at(events, 0x1234569000L);
    assertThat(uncorrected.get("severity").toString()).startsWith("UNCORRECTED");
  }

  private static GenericRecord at(List<GenericRecord> events, long address) {
    return events.stream()
        .filter(e -> Long.valueOf(address).equals(e.get("address")))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no machine check at " + address + " in " + events));
  }
}
