package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfType;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.Tracefs;
import io.bianque.agent.testing.Traffic;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

/** Every field of events of real drops, by each variant of the hook and by both channels. */
@KernelTest
@ParameterizedClass(name = "{0} {1}")
@CsvSource({
  "tp_btf/kfree_skb, RINGBUF",
  "raw_tp/kfree_skb, RINGBUF",
  "tp/skb/kfree_skb, RINGBUF",
  "tp_btf/kfree_skb, PERF"
})
class DropwatchTest {
  private static final int ETHER_IPV4 = 0x0800;
  private static final int ETHER_IPV6 = 0x86dd;
  private static final int TCP = 6;
  private static final int UDP = 17;
  private static final int SYN_SENT = 2;
  private static final int NEW_SYN_RECV = 12;
  private static final int SYN = 2;
  private static final int ACK = 16;

  @TempDir Path folder;

  private static NetnsPair pair;
  private static Traffic traffic;
  private static KernelSymbols symbols;
  private static BtfType.Enumeration reasons;
  private static ProbeBench probe;

  @Parameter(0)
  String hook;

  @Parameter(1)
  Channel channel;

  @BeforeAll
  static void connect() {
    pair = NetnsPair.open();
    traffic = new Traffic(pair);
    symbols = new KernelSymbols();
    reasons = Btf.ofKernel().orElseThrow().enumeration("skb_drop_reason").orElseThrow();
  }

  @AfterAll
  static void disconnect() {
    pair.close();
  }

  @BeforeParameterizedClassInvocation
  static void attach(String hook, Channel channel) throws Exception {
    probe =
        Tracefs.mounted(() ->
            ProbeBench.dropwatch(hook, channel, 1 << 20, Map.of("max_events_per_second", "0")));
  }

  @AfterParameterizedClassInvocation
  static void detach() {
    probe.close();
  }

  @Test
  void udpDroppedByNftables() throws Exception {
    long begin = System.nanoTime();
    pair.nft(Side.RIGHT, "input", "udp dport 7001 drop");
    int from = traffic.udp(Side.RIGHT.ipv4(), 7001, 100);

    GenericRecord event = probe.await("udp to 7001", in(Side.RIGHT, "dport", 7001));

    assertThat(event.get("host_id")).hasToString("host");
    assertThat(event.get("boot_id")).hasToString("boot");
    assertThat(event.get("epoch")).isEqualTo(4711L);
    assertThat((int) event.get("cpu")).isBetween(0, Runtime.getRuntime().availableProcessors() - 1);
    assertThat((long) event.get("sequence")).isPositive();
    assertThat((long) event.get("ktime_ns")).isBetween(begin, System.nanoTime());
    assertThat((long) event.get("time") - (long) event.get("ktime_ns"))
        .isCloseTo(ClockOffset.measureNanos(), within(10_000_000L));
    assertThat((int) event.get("pid")).isNotNegative();
    assertThat((int) event.get("tid")).isNotNegative();
    assertThat(event.get("comm").toString()).isNotEmpty();
    assertThat((long) event.get("cgroup_id")).isPositive();
    assertThat(event.get("netns")).isEqualTo(pair.inode(Side.RIGHT));
    assertDevice(event, Side.RIGHT);
    assertThat(event.get("ether_type")).isEqualTo(ETHER_IPV4);
    assertThat(event.get("ip_protocol")).isEqualTo(UDP);
    assertAddresses(event, Side.LEFT.ipv4(), Side.RIGHT.ipv4());
    assertThat(event.get("sport")).isEqualTo(from);
    assertAbsent(event, "tcp_seq", "tcp_ack", "tcp_flags", "tcp_window", "icmp_type", "icmp_code");
    assertAbsent(event, "sk_state", "sk_protocol");
    assertThat(event.get("packet_length")).isEqualTo(20L + 8 + 100);
    assertReason(event, "NETFILTER_DROP");
    assertThat(event.get("drop_source")).hasToString("SOFTWARE");
    assertThat(symbols.function((long) event.get("location"))).isEqualTo("nft_do_chain");
    assertStack(event, "nft_do_chain", "nf_hook_slow", "net_rx_action");
  }

  @Test
  void udpOverIpv6DroppedByNftables() throws Exception {
    pair.nft(Side.RIGHT, "input", "udp dport 7002 drop");
    int from = traffic.udp(Side.RIGHT.ipv6(), 7002, 100);

    GenericRecord event = probe.await("udp to 7002", in(Side.RIGHT, "dport", 7002));

    assertThat(event.get("ether_type")).isEqualTo(ETHER_IPV6);
    assertThat(event.get("ip_protocol")).isEqualTo(UDP);
    assertAddresses(event, Side.LEFT.ipv6(), Side.RIGHT.ipv6());
    assertThat(event.get("sport")).isEqualTo(from);
    assertThat(event.get("packet_length")).isEqualTo(40L + 8 + 100);
    assertReason(event, "NETFILTER_DROP");
    assertStack(event, "nft_do_chain", "ip6_input", "net_rx_action");
  }

  @Test
  void tcpSynToClosedPort() throws Exception {
    traffic.connect(40_003, Side.RIGHT.ipv4(), 7003);

    GenericRecord event = probe.await("syn to 7003", in(Side.RIGHT, "dport", 7003));

    assertThat(event.get("ip_protocol")).isEqualTo(TCP);
    assertAddresses(event, Side.LEFT.ipv4(), Side.RIGHT.ipv4());
    assertThat(event.get("sport")).isEqualTo(40_003);
    assertThat(event.get("tcp_flags")).isEqualTo(SYN);
    assertThat((long) event.get("tcp_seq")).isPositive();
    assertThat(event.get("tcp_ack")).isEqualTo(0L);
    assertThat((int) event.get("tcp_window")).isPositive();
    assertAbsent(event, "icmp_type", "icmp_code", "sk_state", "sk_protocol");
    assertReason(event, "NO_SOCKET");
    assertStack(event, "tcp_v4_rcv", "net_rx_action");
  }

  @Test
  void tcpSynToClosedPortOverIpv6() throws Exception {
    traffic.connect(40_004, Side.RIGHT.ipv6(), 7004);

    GenericRecord event = probe.await("syn to 7004", in(Side.RIGHT, "dport", 7004));

    assertAddresses(event, Side.LEFT.ipv6(), Side.RIGHT.ipv6());
    assertThat(event.get("tcp_flags")).isEqualTo(SYN);
    assertReason(event, "NO_SOCKET");
    assertStack(event, "tcp_v6_rcv", "ip6_input");
  }

  @Test
  void udpToClosedPort() throws Exception {
    int from = traffic.udp(Side.RIGHT.ipv4(), 7005, 0);

    GenericRecord event = probe.await("udp to 7005", in(Side.RIGHT, "dport", 7005));

    assertThat(event.get("sport")).isEqualTo(from);
    assertReason(event, "NO_SOCKET");
    assertStack(event, "__udp4_lib_rcv", "net_rx_action");
  }

  @Test
  void pingDroppedByNftables() throws Exception {
    pair.nft(Side.RIGHT, "input", "icmp type echo-request drop");
    traffic.ping(Side.RIGHT.ipv4());

    GenericRecord event = probe.await("echo request", in(Side.RIGHT, "icmp_type", 8));

    assertThat(event.get("ip_protocol")).isEqualTo(1);
    assertThat(event.get("icmp_code")).isEqualTo(0);
    assertAbsent(event, "sport", "dport", "tcp_seq");
    assertReason(event, "NETFILTER_DROP");
  }

  @Test
  void pingOverIpv6DroppedByNftables() throws Exception {
    pair.nft(Side.RIGHT, "input", "icmpv6 type echo-request drop");
    traffic.ping(Side.RIGHT.ipv6());

    GenericRecord event = probe.await("echo request", in(Side.RIGHT, "icmp_type", 128));

    assertThat(event.get("ip_protocol")).isEqualTo(58);
    assertThat(event.get("icmp_code")).isEqualTo(0);
    assertReason(event, "NETFILTER_DROP");
  }

  @Test
  void listenerClosedWithUnacceptedChildren() throws Exception {
    traffic.closeWithUnaccepted(7006);

    GenericRecord event =
        probe.await(
            "data of an unaccepted connection",
            in(Side.RIGHT, "dport", 7006).and(e -> stack(e).contains("inet_csk_listen_stop")));

    assertThat(event.get("netns")).isEqualTo(pair.inode(Side.RIGHT));
    assertAddresses(event, Side.LEFT.ipv4(), Side.RIGHT.ipv4());
    assertThat((int) event.get("sk_state")).isBetween(1, 13);
    assertThat(event.get("sk_protocol")).isEqualTo(TCP);
    assertStack(event, "inet_csk_listen_stop", "do_syscall_64");
  }

  /** The packet is on its way out and has no device yet, but a route. */
  @Test
  void synDroppedOnTheWayOut() throws Exception {
    pair.nft(Side.LEFT, "output", "tcp dport 7007 drop");
    traffic.connect(40_007, Side.RIGHT.ipv4(), 7007);

    GenericRecord event = probe.await("syn to 7007", in(Side.LEFT, "dport", 7007));

    assertThat(event.get("comm")).hasToString(Traffic.TASK);
    assertThat(event.get("pid")).isEqualTo((int) ProcessHandle.current().pid());
    assertThat(event.get("netns")).isEqualTo(pair.inode(Side.LEFT));
    assertDevice(event, Side.LEFT);
    assertAddresses(event, Side.LEFT.ipv4(), Side.RIGHT.ipv4());
    assertThat(event.get("sport")).isEqualTo(40_007);
    assertThat(event.get("tcp_flags")).isEqualTo(SYN);
    assertThat(event.get("sk_state")).isEqualTo(SYN_SENT);
    assertThat(event.get("sk_protocol")).isEqualTo(TCP);
    assertReason(event, "NETFILTER_DROP");
    assertStack(event, "nft_do_chain", "__ip_local_out", "tcp_v4_connect");
  }

  /** In the out-of-order queue the place of skb->dev holds a tree's pointer. */
  @Test
  void outOfOrderSegmentHasNoGarbageForADevice() throws Exception {
    int from = traffic.closeWithOutOfOrder(7008);

    GenericRecord event =
        probe.await(
            "segment from the out-of-order queue",
            in(Side.RIGHT, "sport", from).and(e -> stack(e).contains("skb_rbtree_purge")));

    // The rule that ignores such drops in CLOSE_WAIT goes by this place.
    assertThat(stack(event).get(1)).isEqualTo("skb_rbtree_purge");

    assertDevice(event, Side.RIGHT);
    assertThat(event.get("netns")).isEqualTo(pair.inode(Side.RIGHT));
    assertAddresses(event, Side.LEFT.ipv4(), Side.RIGHT.ipv4());
    assertThat(event.get("sk_protocol")).isEqualTo(TCP);
  }

  @Test
  void laterFragmentHasNoPorts() throws Exception {
    pair.nftAtIngress(Side.RIGHT, "ip frag-off & 0x1fff != 0 drop");
    traffic.udp(Side.RIGHT.ipv4(), 7009, 2000);

    GenericRecord event =
        probe.await(
            "second fragment",
            e ->
                Objects.equals(e.get("netns"), pair.inode(Side.RIGHT))
                    && Objects.equals(e.get("ether_type"), ETHER_IPV4)
                    && Objects.equals(e.get("ip_protocol"), UDP)
                    && e.get("dport") == null);

    assertAddresses(event, Side.LEFT.ipv4(), Side.RIGHT.ipv4());
    assertAbsent(event, "sport", "dport");
  }

  /** The extension header between IPv6 and UDP is skipped; the later fragment has no UDP header. */
  @Test
  void fragmentsOverIpv6() throws Exception {
    pair.nftAtIngress(Side.RIGHT, "exthdr frag exists drop");
    int from = traffic.udp(Side.RIGHT.ipv6(), 7010, 2000);
    Predicate<GenericRecord> fragment =
        e ->
            Objects.equals(e.get("netns"), pair.inode(Side.RIGHT))
                && Objects.equals(e.get("ether_type"), ETHER_IPV6)
                && Objects.equals(e.get("ip_protocol"), UDP);

    GenericRecord first = probe.await("first", fragment.and(e -> e.get("dport") != null));
    GenericRecord second = probe.await("second", fragment.and(e -> e.get("dport") == null));

    assertThat(first.get("sport")).isEqualTo(from);
    assertThat(first.get("dport")).isEqualTo(7010);
    assertAddresses(second, Side.LEFT.ipv6(), Side.RIGHT.ipv6());
    assertAbsent(second, "sport");
  }

  /** The answer to a SYN belongs to a request_sock, of which only the common part is a sock. */
  @Test
  void synAckOfAHalfOpenConnection() throws Exception {
    pair.nft(Side.RIGHT, "output", "tcp sport 7011 drop");
    traffic.connectToSilentListener(40_011, 7011);

    GenericRecord event = probe.await("syn-ack", in(Side.RIGHT, "sport", 7011));

    assertThat(event.get("tcp_flags")).isEqualTo(SYN | ACK);
    assertThat(event.get("dport")).isEqualTo(40_011);
    assertThat(event.get("sk_state")).isEqualTo(NEW_SYN_RECV);
    assertThat(event.get("sk_protocol")).isEqualTo(TCP);
    assertDevice(event, Side.RIGHT);
    assertReason(event, "NETFILTER_DROP");
  }

  /**
   * Two processes on one machine: their sockets queue in the same structure, and are no packets.
   */
  @Test
  void unixSocketsAreNotReported() throws Exception {
    try (SocketChannel left = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      Path path = folder.resolve("socket");
      try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
        listener.bind(UnixDomainSocketAddress.of(path));
        left.connect(UnixDomainSocketAddress.of(path));
        left.write(ByteBuffer.allocate(100));
      }
    }
    probe.drain();

    assertThat(probe.events).noneMatch(e -> stack(e).stream().anyMatch(f -> f.startsWith("unix_")));
  }

  private static Predicate<GenericRecord> in(Side side, String field, int value) {
    long netns = pair.inode(side);
    return e -> Objects.equals(e.get("netns"), netns) && Objects.equals(e.get(field), value);
  }

  private static void assertDevice(GenericRecord event, Side side) {
    assertThat(event.get("device")).hasToString(side.device());
    String index = pair.ip(side, "-o", "link", "show", side.device()).split(":", 2)[0];
    assertThat(event.get("ifindex")).isEqualTo(Integer.parseInt(index));
  }

  private static void assertAddresses(GenericRecord event, String from, String to)
      throws Exception {
    assertThat(address(event, "saddr")).isEqualTo(InetAddress.getByName(from));
    assertThat(address(event, "daddr")).isEqualTo(InetAddress.getByName(to));
  }

  private static InetAddress address(GenericRecord event, String field) throws Exception {
    ByteBuffer bytes = (ByteBuffer) event.get(field);
    byte[] address = new byte[bytes.remaining()];
    bytes.get(bytes.position(), address);
    return InetAddress.getByAddress(address);
  }

  private static void assertAbsent(GenericRecord event, String... fields) {
    for (String field : fields) {
      assertThat(event.get(field)).as(field).isNull();
    }
  }

  private static void assertReason(GenericRecord event, String reason) {
    String name = "SKB_DROP_REASON_" + reason;
    long number =
        reasons.members().stream()
            .filter(m -> m.name().equals(name))
            .findFirst()
            .orElseThrow()
            .value();
    assertThat(event.get("drop_reason")).isEqualTo(number);
  }

  /** The first frame is the function that frees; the second one is where it was called. */
  private static void assertStack(GenericRecord event, String... functions) {
    List<String> stack = stack(event);
    assertThat(stack.getFirst()).contains("skb");
    assertThat(((List<?>) event.get("kernel_stack")).get(1)).isEqualTo(event.get("location"));
    assertThat(stack).contains(functions).hasSizeLessThanOrEqualTo(127);
    assertThat(stack).noneMatch(f -> f.startsWith("bpf_") || f.startsWith("__traceiter"));
  }

  private static List<String> stack(GenericRecord event) {
    List<String> functions = new ArrayList<>();
    ((List<?>) event.get("kernel_stack")).forEach(a -> functions.add(symbols.function((Long) a)));
    return functions;
  }
}
