package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The packets of {@code triggers/net_rx_latency.sh}, which are read 300 ms after they came. */
public final class NetRxLatencyExpectation implements Expectation {
  private static final String WEST = "c0000201";
  private static final String EAST = "c0000202";
  private static final String WEST6 = "20010db8000000000000000000000001";
  private static final String EAST6 = "20010db8000000000000000000000002";
  private static final int TCP = 6;
  private static final int UDP = 17;
  private static final long UNREAD_NS = 300_000_000;

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    assertEnds(read(recording, 4301, TCP), WEST, EAST);
    assertEnds(read(recording, 4302, TCP), WEST6, EAST6);
    assertEnds(read(recording, 4303, UDP), WEST, EAST);
    assertEnds(read(recording, 4304, UDP), WEST6, EAST6);
    List<GenericRecord> counts = recording.raw("net_rx_latency_stages");
    for (String stage : List.of("STACK", "TRANSPORT", "USER")) {
      for (String network : List.of("IPV4", "IPV6")) {
        for (String transport : List.of("TCP", "UDP")) {
          assertThat(counts)
              .as("%s of %s over %s", stage, transport, network)
              .anySatisfy(count -> {
                assertThat(count.get("stage")).hasToString(stage);
                assertThat(count.get("network")).hasToString(network);
                assertThat(count.get("transport")).hasToString(transport);
                assertThat((long) count.get("count")).isPositive();
                assertThat((long) count.get("total_ns"))
                    .isGreaterThan(stage.equals("USER") ? UNREAD_NS : 0);
                assertThat(Recording.sum(count, "latency_ns")).isEqualTo((long) count.get("count"));
              });
        }
      }
    }
  }

  private static GenericRecord read(Recording recording, int port, int protocol) {
    List<GenericRecord> events =
        recording.raw("net_rx_latency").stream()
            .filter(event -> event.get("stage").toString().equals("USER"))
            .filter(event -> Integer.valueOf(port).equals(event.get("dport")))
            .toList();
    assertThat(events).as("read from port %d", port).isNotEmpty();
    GenericRecord event = events.getFirst();
    assertThat(event.get("comm")).hasToString("late");
    assertThat((int) event.get("pid")).isPositive();
    assertThat((long) event.get("cgroup_id")).isPositive();
    assertThat((long) event.get("latency_ns")).isGreaterThan(UNREAD_NS);
    assertThat(event.get("ip_protocol")).isEqualTo(protocol);
    assertThat((int) event.get("sport")).isPositive();
    assertThat((long) event.get("netns")).isPositive();
    assertThat((long) event.get("packet_length")).isPositive();
    return event;
  }

  private static void assertEnds(GenericRecord event, String source, String destination) {
    assertThat(Recording.hex(event.get("saddr"))).isEqualTo(source);
    assertThat(Recording.hex(event.get("daddr"))).isEqualTo(destination);
  }
}
