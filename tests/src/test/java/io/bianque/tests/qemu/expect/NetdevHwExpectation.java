package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The frames of {@code triggers/netdev_hw.sh}, as the device counts them that receives them. */
public final class NetdevHwExpectation implements Expectation {
  private static final long FRAMES = 25;

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> rows =
        recording.raw("netdev_hw").stream()
            .filter(row -> row.get("device").toString().equals("hw-to"))
            .toList();
    assertThat(rows).as(recording.shown("netdev_hw")).isNotEmpty();
    GenericRecord last = rows.getLast();
    assertThat(last.get("rx_dropped")).isEqualTo(FRAMES);
    assertThat((long) last.get("rx_packets")).isGreaterThanOrEqualTo(FRAMES);
    assertThat(last.get("driver")).hasToString("veth");
    assertThat(last.get("kind")).hasToString("veth");
    assertThat((int) last.get("ifindex")).isPositive();
    assertThat((Long) last.get("netns")).isPositive();
  }
}
