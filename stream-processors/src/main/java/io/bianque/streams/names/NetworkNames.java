package io.bianque.streams.names;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Names of what protocol headers and sockets hold as numbers. An unknown number has no name: null.
 */
public final class NetworkNames {
  /** include/net/tcp_states.h; the number is the index. BOUND_INACTIVE came with 6.8. */
  private static final List<String> TCP_STATES =
      List.of(
          "",
          "ESTABLISHED",
          "SYN_SENT",
          "SYN_RECV",
          "FIN_WAIT1",
          "FIN_WAIT2",
          "TIME_WAIT",
          "CLOSE",
          "CLOSE_WAIT",
          "LAST_ACK",
          "LISTEN",
          "CLOSING",
          "NEW_SYN_RECV",
          "BOUND_INACTIVE");

  private static final List<String> TCP_FLAGS =
      List.of("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR");

  /** IANA protocol numbers that Linux has sockets or modules for, and the kernel's own MPTCP. */
  private static final Map<Integer, String> IP_PROTOCOLS =
      Map.ofEntries(
          Map.entry(0, "hopopt"),
          Map.entry(1, "icmp"),
          Map.entry(2, "igmp"),
          Map.entry(4, "ipv4"),
          Map.entry(6, "tcp"),
          Map.entry(17, "udp"),
          Map.entry(33, "dccp"),
          Map.entry(41, "ipv6"),
          Map.entry(43, "ipv6-route"),
          Map.entry(44, "ipv6-frag"),
          Map.entry(47, "gre"),
          Map.entry(50, "esp"),
          Map.entry(51, "ah"),
          Map.entry(58, "ipv6-icmp"),
          Map.entry(59, "ipv6-nonxt"),
          Map.entry(60, "ipv6-opts"),
          Map.entry(88, "eigrp"),
          Map.entry(89, "ospfigp"),
          Map.entry(94, "ipip"),
          Map.entry(103, "pim"),
          Map.entry(108, "ipcomp"),
          Map.entry(112, "vrrp"),
          Map.entry(115, "l2tp"),
          Map.entry(132, "sctp"),
          Map.entry(136, "udplite"),
          Map.entry(137, "mpls-in-ip"),
          Map.entry(143, "ethernet"),
          Map.entry(255, "raw"),
          Map.entry(262, "mptcp"));

  private NetworkNames() {}

  /** State of a socket as in the kernel's source, without {@code TCP_}. */
  public static String tcpState(int state) {
    return state > 0 && state < TCP_STATES.size() ? TCP_STATES.get(state) : null;
  }

  /** Names of the flags that are set, from bit 0 up. Bits beyond CWR are left out. */
  public static List<String> tcpFlags(int flags) {
    List<String> names = new ArrayList<>(4);
    for (int bit = 0; bit < TCP_FLAGS.size(); bit++) {
      if ((flags >>> bit & 1) != 0) {
        names.add(TCP_FLAGS.get(bit));
      }
    }
    return names;
  }

  /** IANA's keyword, in lower case. */
  public static String ipProtocol(int protocol) {
    return IP_PROTOCOLS.get(protocol);
  }

  /**
   * Name of a protocol over Ethernet; any other than IP and ARP is its number in hex, as people
   * know them.
   */
  public static String etherType(int etherType) {
    return switch (etherType) {
      case 0x0800 -> "ipv4";
      case 0x86dd -> "ipv6";
      case 0x0806 -> "arp";
      default -> "0x%04x".formatted(etherType & 0xffff);
    };
  }
}
