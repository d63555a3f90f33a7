package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

@KernelTest
class DropwatchTest {
  private static NetnsPair pair;
  private static KernelSymbols symbols;
  private static ProbeBench probe;

  @BeforeAll
  static void attach() {
    pair = NetnsPair.open();
    symbols = new KernelSymbols();
    probe =
        ProbeBench.dropwatch(
            "tp_btf/kfree_skb", Channel.RINGBUF, 1 << 20, Map.of("max_events_per_second", "0"));
  }

  @AfterAll
  static void detach() {
    probe.close();
    pair.close();
  }

  @Test
  void udpDroppedByNftables() throws Exception {
    pair.nft(Side.RIGHT, "input", "udp dport 7001 drop");
    int from =
        pair.in(
            Side.LEFT,
            "udp-sender",
            () -> {
              try (DatagramSocket socket = new DatagramSocket()) {
                socket.send(
                    new DatagramPacket(
                        new byte[100],
                        100,
                        new InetSocketAddress(InetAddress.getByName(Side.RIGHT.ipv4()), 7001)));
                return socket.getLocalPort();
              }
            });

    GenericRecord event =
        probe.await("udp to 7001", e -> Integer.valueOf(7001).equals(e.get("dport")));

    assertThat(event.get("sport")).isEqualTo(from);
    assertThat(stack(event)).contains("nft_do_chain");
  }

  private static List<String> stack(GenericRecord event) {
    return ((List<?>) event.get("kernel_stack"))
        .stream().map(a -> symbols.function((Long) a)).toList();
  }
}
