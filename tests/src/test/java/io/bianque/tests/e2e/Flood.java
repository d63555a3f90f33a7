package io.bianque.tests.e2e;

import static io.bianque.agent.testing.NetnsPair.Side.LEFT;
import static io.bianque.agent.testing.NetnsPair.Side.RIGHT;

import io.bianque.agent.testing.NetnsPair;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * As many drops as this machine's CPUs can make, with the kernel's own count of them.
 *
 * <p>One system call a packet is too slow for that, so each is a datagram of 65,000 bytes over a
 * link of the smallest MTU that IPv4 knows: 1,354 fragments, each of which the rule at the other
 * end's ingress drops.
 *
 * @param dropped by nftables' counter
 */
record Flood(long dropped, Duration took) {
  private static final int DATAGRAM_BYTES = 65_000;
  private static final Pattern COUNTER = Pattern.compile("counter packets (\\d+)");

  /** Floods for this long over a link of its own between the two namespaces. */
  static Flood run(NetnsPair network, Duration length) throws Exception {
    sh(
        network,
        """
        set -e
        ip link add f0 mtu 68 netns $left type veth peer name f1 mtu 68 netns $right
        ip -n $left addr add 198.51.100.1/30 dev f0
        ip -n $right addr add 198.51.100.2/30 dev f1
        ip -n $left neigh replace 198.51.100.2 dev f0 lladdr $(ip -n $right -br link show f1 | awk '{print $3}') nud permanent
        ip -n $left link set f0 up
        ip -n $right link set f1 up
        ip netns exec $right nft -f - <<'RULES'
        table netdev flood {
          chain ingress {
            type filter hook ingress device f1 priority 0;
            counter drop
          }
        }
        RULES
        """);
    long begin = System.nanoTime();
    long end = begin + length.toNanos();
    List<FutureTask<Void>> senders =
        IntStream.range(0, Runtime.getRuntime().availableProcessors())
            .mapToObj(
                cpu -> new FutureTask<>(() -> network.in(LEFT, "flood", () -> sendUntil(end))))
            .toList();
    senders.forEach(sender -> Thread.ofPlatform().name("flood").daemon().start(sender));
    for (FutureTask<Void> sender : senders) {
      sender.get();
    }
    Duration took = Duration.ofNanos(System.nanoTime() - begin);
    Matcher counter =
        COUNTER.matcher(sh(network, "ip netns exec $right nft list table netdev flood"));
    if (!counter.find()) {
      throw new IllegalStateException("nftables shows no counter");
    }
    sh(network, "ip netns exec $right nft delete table netdev flood; ip -n $left link del f0");
    return new Flood(Long.parseLong(counter.group(1)), took);
  }

  long perSecond() {
    return dropped * 1000 / took.toMillis();
  }

  private static String sh(NetnsPair network, String script) {
    return Shell.run(
            Path.of("/"),
            Map.of("left", network.namespace(LEFT), "right", network.namespace(RIGHT)),
            Duration.ofSeconds(30),
            script)
        .succeeded();
  }

  private static Void sendUntil(long end) throws IOException {
    try (DatagramChannel channel = DatagramChannel.open(StandardProtocolFamily.INET)) {
      channel.setOption(StandardSocketOptions.SO_SNDBUF, 1 << 20);
      ByteBuffer payload = ByteBuffer.allocateDirect(DATAGRAM_BYTES);
      InetSocketAddress target = new InetSocketAddress("198.51.100.2", 1999);
      while (System.nanoTime() < end) {
        channel.send(payload.clear(), target);
      }
      return null;
    }
  }
}
