package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The connections of {@code triggers/tcp_retransmit.sh}, told apart by their ports in east. */
public final class TcpRetransmitExpectation implements Expectation {
  private static final String WEST = "c0000201";
  private static final String EAST = "c0000202";
  private static final String WEST6 = "20010db8000000000000000000000001";
  private static final String EAST6 = "20010db8000000000000000000000002";

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> events = recording.raw("tcp_retransmit");
    for (String cause : List.of("TLP", "RTO")) {
      assertEnds(toEast(events, 4101, "SEGMENT", cause), WEST, EAST);
      assertEnds(toEast(events, 4102, "SEGMENT", cause), WEST6, EAST6);
    }
    assertThat(toEast(events, 4101, "SEGMENT", "RTO").get("ca_state")).hasToString("LOSS");
    toEast(events, 4103, "LOSS_PROBE", "TLP");
    GenericRecord fast = toEast(events, 4104, "SEGMENT", "FAST_RETRANSMIT");
    assertThat(fast.get("ca_state")).hasToString("RECOVERY");
    assertThat((long) fast.get("sacked_out")).isPositive();
    toEast(events, 4105, "SEGMENT", "RTO");
    // tcp:tcp_cong_state_set is there since 5.17.
    if (kernel != DebianKernel.BULLSEYE) {
      toEast(events, 4105, "UNDO", "SPURIOUS");
    }
    GenericRecord synAck = one(events, "sport", 4106, "SYN_ACK", "RTO");
    assertEnds(synAck, EAST, WEST);
    assertThat((int) synAck.get("attempts")).isPositive();
    GenericRecord syn = toEast(events, 4106, "SEGMENT", "RTO");
    assertThat(syn.get("tcp_flags")).isEqualTo(2);
    assertThat(syn.get("device")).hasToString("w0");
  }

  private static void assertEnds(GenericRecord event, String source, String destination) {
    assertThat(Recording.hex(event.get("saddr"))).isEqualTo(source);
    assertThat(Recording.hex(event.get("daddr"))).isEqualTo(destination);
  }

  private static GenericRecord toEast(
      List<GenericRecord> events, int port, String kind, String cause) {
    return one(events, "dport", port, kind, cause);
  }

  private static GenericRecord one(
      List<GenericRecord> events, String side, int port, String kind, String cause) {
    List<GenericRecord> found =
        events.stream()
            .filter(event -> Integer.valueOf(port).equals(event.get(side)))
            .filter(event -> event.get("kind").toString().equals(kind))
            .filter(event -> event.get("cause").toString().equals(cause))
            .toList();
    assertThat(found).as("%s by %s of port %d", kind, cause, port).isNotEmpty();
    return found.getFirst();
  }
}
