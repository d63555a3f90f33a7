package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The packets of {@code triggers/dropwatch.sh}, told apart by their destination ports. */
public final class DropwatchExpectation implements Expectation {
  private static final String WEST = "c0000201";
  private static final String EAST = "c0000202";
  private static final String WEST6 = "20010db8000000000000000000000001";
  private static final String EAST6 = "20010db8000000000000000000000002";

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    Drops drops = new Drops(recording, kernel != DebianKernel.BULLSEYE);
    drops.expect(4001, WEST, EAST, "SKB_DROP_REASON_NO_SOCKET", "tcp_v4_rcv");
    drops.expect(4002, WEST, EAST, "SKB_DROP_REASON_NO_SOCKET", "__udp4_lib_rcv");
    drops.expect(4003, WEST6, EAST6, "SKB_DROP_REASON_NO_SOCKET", "tcp_v6_rcv");
    // Where the packet is freed: by the hook's caller up to 6.7, by nftables itself since.
    drops.expect(
        4004, WEST, EAST, "SKB_DROP_REASON_NETFILTER_DROP", "nf_hook_slow", "nft_do_chain");
    drops.expect(4005, WEST6, EAST6, "SKB_DROP_REASON_NO_SOCKET", "__udp6_lib_rcv");
  }

  /**
   * The recorded drops.
   *
   * @param haveReasons whether the kernel gives them: since 5.17
   */
  private record Drops(Recording recording, boolean haveReasons) {

    void expect(int port, String source, String destination, String reason, String... anyFunction) {
      List<GenericRecord> toPort =
          recording.raw("dropwatch").stream()
              .filter(event -> Integer.valueOf(port).equals(event.get("dport")))
              .toList();
      assertThat(toPort).as("packets to port %d", port).isNotEmpty();
      GenericRecord event = toPort.getFirst();
      assertThat(Recording.hex(event.get("saddr"))).isEqualTo(source);
      assertThat(Recording.hex(event.get("daddr"))).isEqualTo(destination);
      assertThat((int) event.get("sport")).isPositive();
      assertThat(recording.enumName("skb_drop_reason", event.get("drop_reason")))
          .as("reason at port %d", port)
          .isEqualTo(haveReasons ? reason : "none");
      assertThat(recording.functions(event, "kernel_stack"))
          .as("stack at port %d", port)
          .containsAnyOf(anyFunction);
    }
  }
}
