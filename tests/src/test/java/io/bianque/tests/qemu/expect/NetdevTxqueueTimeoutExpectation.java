package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import org.apache.avro.generic.GenericRecord;

/** The card of {@code triggers/netdev_txqueue_timeout.sh}, whose interrupts do not get through. */
public final class NetdevTxqueueTimeoutExpectation implements Expectation {

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    assertThat(recording.raw("netdev_txqueue_timeout"))
        .as(recording.shown("netdev_txqueue_timeout"))
        .isNotEmpty();
    GenericRecord event = recording.raw("netdev_txqueue_timeout").getFirst();
    assertThat(event.get("driver")).hasToString("e1000");
    assertThat(event.get("device").toString()).isNotEmpty();
    assertThat((int) event.get("ifindex")).isPositive();
    assertThat((long) event.get("netns")).isPositive();
    assertThat(event.get("queue")).isEqualTo(0L);
    assertThat(event.get("queues")).isEqualTo(1L);
    assertThat(event.get("timeouts")).isEqualTo(1L);
    assertThat((long) event.get("bytes_in_flight")).isPositive();
    assertThat((long) event.get("packets_queued")).isNotNegative();
  }
}
