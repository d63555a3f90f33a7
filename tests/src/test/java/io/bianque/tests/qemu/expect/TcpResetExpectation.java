package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The connections of {@code triggers/tcp_reset.sh}, told apart by their ports in east. */
public final class TcpResetExpectation implements Expectation {
  private static final String WEST = "c0000201";
  private static final String EAST = "c0000202";
  private static final String EAST6 = "20010db8000000000000000000000002";

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> events = recording.raw("tcp_reset");
    for (String east : List.of(EAST, EAST6)) {
      assertThat(select(events, "RECEIVED", "sport", 4201))
          .anyMatch(event -> Recording.hex(event.get("saddr")).equals(east));
    }
    // Before 6.10 the kernel tells of no RST without a socket, and has a reason for none.
    boolean reasons = kernel == DebianKernel.TRIXIE;
    List<GenericRecord> refused = select(events, "SENT", "sport", 4201);
    if (reasons) {
      assertThat(refused)
          .hasSize(2)
          .allMatch(event ->
              recording
                  .enumName("sk_rst_reason", event.get("reason"))
                  .equals("SK_RST_REASON_NO_SOCKET"));
      assertThat(recording.functions(refused.getFirst(), "kernel_stack"))
          .startsWith("tcp_v4_send_reset");
    } else {
      assertThat(refused).isEmpty();
    }

    GenericRecord closed = first(events, "SENT", "dport", 4202);
    assertThat(Recording.hex(closed.get("saddr"))).isEqualTo(WEST);
    assertThat(closed.get("comm")).hasToString("bash");
    assertThat(closed.get("reason") != null).isEqualTo(reasons);
    assertThat(recording.functions(closed, "kernel_stack")).startsWith("tcp_send_active_reset");
    assertThat(Recording.hex(first(events, "RECEIVED", "dport", 4202).get("saddr")))
        .isEqualTo(WEST);

    for (String stage : List.of("ACK", "SYN")) {
      List<GenericRecord> forgotten =
          select(events, "LISTEN_OVERFLOW", "dport", 4203).stream()
              .filter(event -> event.get("overflow_stage").toString().equals(stage))
              .toList();
      assertThat(forgotten).as(stage).isNotEmpty();
      GenericRecord event = forgotten.getFirst();
      assertThat(Recording.hex(event.get("saddr"))).isEqualTo(WEST);
      assertThat(Recording.hex(event.get("daddr"))).isEqualTo(EAST);
      assertThat(event.get("cause_flags")).isEqualTo(stage.equals("SYN") ? 2 : 16);
      assertThat(event.get("accept_queue")).isEqualTo(3L);
      assertThat(event.get("accept_queue_limit")).isEqualTo(2L);
    }
  }

  private static GenericRecord first(
      List<GenericRecord> events, String kind, String side, int port) {
    List<GenericRecord> found = select(events, kind, side, port);
    assertThat(found).as("%s of port %d", kind, port).isNotEmpty();
    return found.getFirst();
  }

  private static List<GenericRecord> select(
      List<GenericRecord> events, String kind, String side, int port) {
    return events.stream()
        .filter(event -> Integer.valueOf(port).equals(event.get(side)))
        .filter(event -> event.get("kind").toString().equals(kind))
        .toList();
  }
}
