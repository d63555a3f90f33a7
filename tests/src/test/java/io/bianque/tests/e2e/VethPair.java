package io.bianque.tests.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Two network namespaces joined by a veth pair, with addresses of both families that belong to
 * nobody (RFC 5737, RFC 3849). Nothing sent in them leaves them. Any thread may use it.
 */
final class VethPair implements AutoCloseable {
  static final InetAddress WEST = literal("192.0.2.1");
  static final InetAddress EAST = literal("192.0.2.2");
  static final InetAddress WEST6 = literal("2001:db8::1");
  static final InetAddress EAST6 = literal("2001:db8::2");

  private static final Duration LIMIT = Duration.ofSeconds(30);

  // Neighbours are written down as if resolved: a packet that waits for ARP is dropped when others
  // queue behind it, and
  // that would be a drop which nobody asked for.
  private static final String JOIN =
      """
      set -e
      ip link add w0 netns $west type veth peer name e0 netns $east
      ip -n $west addr add 192.0.2.1/30 dev w0
      ip -n $east addr add 192.0.2.2/30 dev e0
      ip -n $west addr add 2001:db8::1/64 dev w0 nodad
      ip -n $east addr add 2001:db8::2/64 dev e0 nodad
      mac() { ip -n $1 -br link show $2 | awk '{print $3}'; }
      for a in 192.0.2.2 2001:db8::2; do ip -n $west neigh replace $a dev w0 lladdr $(mac $east e0) nud permanent; done
      for a in 192.0.2.1 2001:db8::1; do ip -n $east neigh replace $a dev e0 lladdr $(mac $west w0) nud permanent; done
      ip -n $west link set lo up; ip -n $west link set w0 up
      ip -n $east link set lo up; ip -n $east link set e0 up
      """;

  private final String west = "bianque-w" + ProcessHandle.current().pid();
  private final String east = "bianque-e" + ProcessHandle.current().pid();

  /** Makes both, and returns when packets of both families go through. */
  VethPair() {
    sh("ip netns add $west && ip netns add $east");
    try {
      sh(JOIN);
    } catch (Throwable failure) {
      close();
      throw failure;
    }
  }

  /** Runs it on a thread that lives in the western namespace; its sockets stay there. */
  <T> T inWest(Callable<T> work) throws Exception {
    return Setns.call(west, work);
  }

  <T> T inEast(Callable<T> work) throws Exception {
    return Setns.call(east, work);
  }

  /** Replaces all rules of the eastern namespace by these, in nft's language. */
  void rulesInEast(String ruleset) {
    sh("ip netns exec $east nft -f - <<'RULES'\nflush ruleset\n" + ruleset + "\nRULES");
  }

  /**
   * How many UDP datagrams the eastern kernel had no socket for: its own count, which no probe is
   * behind.
   */
  long udpWithoutSocketInEast() {
    return snmp("Udp", "NoPorts");
  }

  private long snmp(String protocol, String counter) {
    List<String> lines =
        sh("ip netns exec $east cat /proc/net/snmp")
            .lines()
            .filter(line -> line.startsWith(protocol + ":"))
            .toList();
    List<String> names = List.of(lines.get(0).split(" ", -1));
    List<String> values = List.of(lines.get(1).split(" ", -1));
    return Long.parseLong(values.get(names.indexOf(counter)));
  }

  @Override
  public void close() {
    for (String namespace : List.of(west, east)) {
      if (Files.exists(Path.of("/run/netns", namespace))) {
        sh("ip netns del " + namespace);
      }
    }
  }

  /** Runs a script that finds the namespaces' names in $west and $east. */
  String sh(String script) {
    return Shell.run(Path.of("/"), Map.of("west", west, "east", east), LIMIT, script).succeeded();
  }

  private static InetAddress literal(String address) {
    try {
      return InetAddress.getByName(address);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
