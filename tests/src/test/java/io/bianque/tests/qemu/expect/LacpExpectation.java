package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The two bonds of {@code triggers/lacp.sh}, of which a's second port lost its link. */
public final class LacpExpectation implements Expectation {
  /** Of IEEE 802.3ad's port states: aggregatable. */
  private static final int AGGREGATABLE = 4;

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> ofPort =
        recording.raw("lacp").stream()
            .filter(event -> event.get("device").toString().equals("a1"))
            .toList();
    // It joined, and was lost.
    assertThat(ofPort)
        .as(recording.shown("lacp"))
        .anyMatch(event ->
            event.get("mux_state").toString().equals("ATTACHED")
                && "ACTIVE".equals(event.get("aggregator_use") + "")
                && (event.get("partner_system") + "").matches("([0-9a-f]{2}:){5}[0-9a-f]{2}"));
    List<GenericRecord> lost =
        ofPort.stream()
            .filter(event -> event.get("mux_state").toString().equals("DETACHED"))
            .toList();
    assertThat(lost).as(recording.shown("lacp")).isNotEmpty();
    GenericRecord event = lost.getLast();
    assertThat(event.get("bond")).hasToString("bond-a");
    assertThat((int) event.get("bond_ifindex")).isPositive();
    assertThat((int) event.get("ifindex")).isPositive();
    assertThat((long) event.get("netns")).isPositive();
    assertThat(event.get("actor_port")).isEqualTo(2);
    assertThat((int) event.get("actor_key")).isNotNegative();
    assertThat((int) event.get("actor_state") & AGGREGATABLE).isEqualTo(AGGREGATABLE);
    assertThat((int) event.get("partner_key")).isNotNegative();
    // Kernels before 5.11 do not describe their modules.
    if (kernel == DebianKernel.BULLSEYE) {
      assertThat(event.get("link")).isNull();
    } else {
      assertThat(event.get("link")).hasToString("DOWN");
      assertThat(event.get("link_failures")).isEqualTo(1L);
    }
  }
}
