package io.bianque.agent.testing;

import io.bianque.agent.testing.NetnsPair.Side;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * More than 200,000 drops a second on two cores. A system call a packet is too slow for that; a
 * datagram of 65,000 bytes over a link with IPv4's smallest MTU is 1,354 fragments by one call,
 * each dropped by a rule at the other end's ingress.
 *
 * <p>Runs on threads of its own from when it is made until it is closed.
 */
public final class Flood implements AutoCloseable {
  private static final int DATAGRAM_BYTES = 65_000;
  private static final int SMALLEST_MTU = 68;
  private static final Pattern COUNTED = Pattern.compile("packets (\\d+)");

  private final NetnsPair pair;
  private final List<FutureTask<Void>> senders = new ArrayList<>();
  private volatile boolean ending;

  /**
   * Begins.
   *
   * @param threads senders; one a CPU is as much as there can be
   */
  public Flood(NetnsPair pair, int threads) {
    this.pair = pair;
    pair.ip(
        Side.LEFT,
        "link",
        "add",
        "flood",
        "mtu",
        SMALLEST_MTU + "",
        "type",
        "veth",
        "peer",
        "name",
        "flood",
        "mtu",
        SMALLEST_MTU + "",
        "netns",
        pair.namespace(Side.RIGHT));
    pair.ip(Side.LEFT, "addr", "add", "198.51.100.1/30", "dev", "flood");
    for (Side side : Side.values()) {
      pair.ip(side, "link", "set", "flood", "up");
    }
    String link = pair.ip(Side.RIGHT, "-br", "link", "show", "flood");
    pair.ip(
        Side.LEFT,
        "neigh",
        "add",
        "198.51.100.2",
        "lladdr",
        link.split("\\s+", 4)[2],
        "dev",
        "flood");
    Commands.run(
        """
        table netdev flood {
          chain ingress {
            type filter hook ingress device flood priority 0;
            counter drop
          }
        }
        """,
        "ip",
        "netns",
        "exec",
        pair.namespace(Side.RIGHT),
        "nft",
        "-f",
        "-");
    for (int i = 0; i < threads; i++) {
      FutureTask<Void> sender = new FutureTask<>(() -> pair.in(Side.LEFT, "flood", this::send));
      senders.add(sender);
      Thread.ofPlatform().daemon().start(sender);
    }
  }

  private Void send() throws java.io.IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.setSendBufferSize(1 << 20);
      DatagramPacket datagram =
          new DatagramPacket(
              new byte[DATAGRAM_BYTES],
              DATAGRAM_BYTES,
              new InetSocketAddress("198.51.100.2", 1999));
      while (!ending) {
        socket.send(datagram);
      }
      return null;
    }
  }

  /** Packets dropped so far, as nftables counted them. */
  public long dropped() {
    String table =
        Commands.run(
            "",
            "ip",
            "netns",
            "exec",
            pair.namespace(Side.RIGHT),
            "nft",
            "list",
            "table",
            "netdev",
            "flood");
    Matcher counter = COUNTED.matcher(table);
    if (!counter.find()) {
      throw new IllegalStateException("no counter: " + table);
    }
    return Long.parseLong(counter.group(1));
  }

  /** Ends it; when this returns nothing is sent any more. The link goes with the namespaces. */
  @Override
  public void close() {
    ending = true;
    try {
      for (FutureTask<Void> sender : senders) {
        sender.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a sender failed", e.getCause());
    }
  }
}
