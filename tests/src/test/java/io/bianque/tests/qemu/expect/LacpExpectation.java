package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/**
 * The two bonds of {@code triggers/lacp.sh}, of which a's second port hears its partner no more.
 */
public final class LacpExpectation implements Expectation {
  /** Of IEEE 802.3ad's port states. */
  private static final int AGGREGATABLE = 4;

  private static final int SYNCHRONIZATION = 8;

  /** The partner was not heard in time. */
  private static final int EXPIRED = 128;

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
        ofPort.stream().filter(event -> ((int) event.get("actor_state") & EXPIRED) != 0).toList();
    assertThat(lost).as(recording.shown("lacp")).isNotEmpty();
    GenericRecord event = lost.getFirst();
    assertThat(event.get("mux_state")).hasToString("ATTACHED");
    assertThat((int) event.get("partner_state") & SYNCHRONIZATION).isZero();
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
      assertThat(event.get("link")).hasToString("UP");
      assertThat(event.get("link_failures")).isEqualTo(0L);
    }
  }
}
