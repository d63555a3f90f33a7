package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.Traffic;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Packets between two namespaces, timed by what this machine's kernel lets be hooked: functions it
 * does not, so of UDP only the way to the stack is seen here.
 */
@KernelTest
@ParameterizedClass
@ValueSource(strings = {"tp_btf/", "raw_tp/"})
class NetRxLatencyTest {
  private static final String READER = "bq-reader";
  private static final int TCP = 6;
  private static final int UDP = 17;
  private static final int ESTABLISHED = 1;
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration USER_THRESHOLD = Duration.ofMillis(115);
  private static final Map<String, String> EVERYTHING =
      Map.of(
          "stack_threshold_ns", "0",
          "transport_threshold_ns", "0",
          "user_threshold_ns", "0",
          "max_events_per_second", "0");

  private static NetnsPair pair;

  @Parameter String variant;

  @BeforeAll
  static void connect() {
    pair = NetnsPair.open();
  }

  @AfterAll
  static void disconnect() {
    pair.close();
  }

  @Test
  void reportsWhatAProcessLeavesUnread() throws Exception {
    try (ProbeBench probe = attach(Map.of());
        Connection connection = Connection.open(Side.RIGHT.ipv4(), 7101)) {
      long begin = System.nanoTime();
      connection.send(100);
      await().atMost(PATIENCE).until(() -> connection.receiver.getInputStream().available() == 100);
      long arrived = System.nanoTime();
      probe.drainFor(USER_THRESHOLD);
      long unread = System.nanoTime() - arrived;
      connection.receive(100);
      GenericRecord event = probe.await("unread data", at("USER", 7101));
      long end = System.nanoTime();

      assertThat(event.get("host_id")).hasToString("host");
      assertThat(event.get("boot_id")).hasToString("boot");
      assertThat(event.get("epoch")).isEqualTo(4711L);
      assertThat((int) event.get("cpu"))
          .isBetween(0, Runtime.getRuntime().availableProcessors() - 1);
      assertThat((long) event.get("sequence")).isPositive();
      assertThat((long) event.get("ktime_ns")).isBetween(begin, end);
      assertThat((long) event.get("time") - (long) event.get("ktime_ns"))
          .isCloseTo(ClockOffset.measureNanos(), within(10_000_000L));
      assertThat(event.get("pid")).isEqualTo((int) ProcessHandle.current().pid());
      assertThat((int) event.get("tid")).isPositive();
      assertThat(event.get("comm")).hasToString(READER);
      assertThat((long) event.get("cgroup_id")).isPositive();
      assertThat((long) event.get("latency_ns")).isBetween(unread, end - begin);
      assertPlace(event, connection, Side.LEFT.ipv4(), Side.RIGHT.ipv4());
      assertThat(event.get("sk_state")).isEqualTo(ESTABLISHED);
      assertThat(event.get("packet_length")).isEqualTo(100L);
    }
  }

  @ParameterizedTest
  @CsvSource({"192.0.2.1, 192.0.2.2, 7102", "2001:db8::1, 2001:db8::2, 7103"})
  void timesTcpToEachStage(String from, String to, int port) throws Exception {
    try (ProbeBench probe = attach(EVERYTHING);
        Connection connection = Connection.open(to, port)) {
      connection.send(100);
      connection.receive(100);

      GenericRecord user = probe.await("user", at("USER", port));
      GenericRecord transport =
          probe.await("transport", at("TRANSPORT", port).and(e -> sameSegment(e, user)));
      GenericRecord stack = probe.await("stack", at("STACK", port).and(e -> sameSegment(e, user)));

      for (GenericRecord event : List.of(stack, transport, user)) {
        assertPlace(event, connection, from, to);
      }
      assertThat(stack.get("sk_state")).isNull();
      assertThat(transport.get("sk_state")).isEqualTo(ESTABLISHED);
      assertThat((long) stack.get("latency_ns"))
          .isLessThanOrEqualTo((long) transport.get("latency_ns"));
      assertThat((long) transport.get("latency_ns"))
          .isLessThanOrEqualTo((long) user.get("latency_ns"));
      assertThat((long) stack.get("packet_length")).isGreaterThan(100);
      assertThat(((ProbeState.Attached) probe.report().state()).hook())
          .contains(
              variant + "netif_rx",
              variant + "netif_receive_skb_entry",
              variant + "netif_receive_skb_list_entry",
              variant + "napi_gro_receive_entry",
              variant + "napi_gro_frags_entry",
              variant + "netif_receive_skb",
              variant + "tcp_probe",
              variant + "skb_copy_datagram_iovec");
    }
  }

  @ParameterizedTest
  @CsvSource({"192.0.2.1, 192.0.2.2, IPV4, 7104", "2001:db8::1, 2001:db8::2, IPV6, 7105"})
  void timesUdpToTheStack(String from, String to, String network, int port) throws Exception {
    try (ProbeBench probe = attach(EVERYTHING)) {
      Traffic traffic = new Traffic(pair);
      int sport = traffic.udp(to, port, 100);

      GenericRecord event = probe.await("datagram", at("STACK", port));
      assertThat(event.get("ip_protocol")).isEqualTo(UDP);
      assertThat(address(event, "saddr")).isEqualTo(InetAddress.getByName(from));
      assertThat(address(event, "daddr")).isEqualTo(InetAddress.getByName(to));
      assertThat(event.get("sport")).isEqualTo(sport);
      assertThat(event.get("tcp_seq")).isNull();
      assertThat(event.get("device")).hasToString(Side.RIGHT.device());
      probe.poll();
      assertThat(count(probe, "STACK", network, "UDP")).isPositive();
    }
  }

  @Test
  void countsEachStageInAHistogram() throws Exception {
    int messages = 50;
    try (ProbeBench probe = attach(Map.of());
        Connection connection = Connection.open(Side.RIGHT.ipv6(), 7106)) {
      for (int i = 0; i < messages; i++) {
        connection.send(100);
        connection.receive(100);
      }
      probe.poll();

      List<GenericRecord> records = probe.records("net_rx_latency_stages");
      assertThat(records).isNotEmpty().allSatisfy(NetRxLatencyTest::isConsistent);
      for (String stage : List.of("STACK", "TRANSPORT", "USER")) {
        assertThat(count(probe, stage, "IPV6", "TCP")).as(stage).isGreaterThanOrEqualTo(messages);
      }
      assertThat(probe.records("net_rx_latency")).noneMatch(at("USER", 7106));
    }
  }

  private ProbeBench attach(Map<String, String> tunables) {
    Set<String> sections =
        Stream.of(
                "netif_rx",
                "netif_receive_skb_entry",
                "netif_receive_skb_list_entry",
                "napi_gro_receive_entry",
                "napi_gro_frags_entry",
                "netif_receive_skb",
                "tcp_probe",
                "skb_copy_datagram_iovec")
            .map(variant::concat)
            .collect(Collectors.toSet());
    return ProbeBench.of("net_rx_latency", Channel.RINGBUF, 1 << 20, tunables, sections);
  }

  private static Predicate<GenericRecord> at(String stage, int dport) {
    long netns = pair.inode(Side.RIGHT);
    return event ->
        event.getSchema().getName().equals("net_rx_latency")
            && event.get("stage").toString().equals(stage)
            && Objects.equals(event.get("netns"), netns)
            && Objects.equals(event.get("dport"), dport);
  }

  private static boolean sameSegment(GenericRecord one, GenericRecord other) {
    return Objects.equals(one.get("tcp_seq"), other.get("tcp_seq"))
        && (long) one.get("packet_length") >= 100;
  }

  private static void assertPlace(
      GenericRecord event, Connection connection, String from, String to) throws Exception {
    assertThat(event.get("device")).hasToString(Side.RIGHT.device());
    String index = pair.ip(Side.RIGHT, "-o", "link", "show", Side.RIGHT.device()).split(":", 2)[0];
    assertThat(event.get("ifindex")).isEqualTo(Integer.parseInt(index));
    assertThat(event.get("ip_protocol")).isEqualTo(TCP);
    assertThat(address(event, "saddr")).isEqualTo(InetAddress.getByName(from));
    assertThat(address(event, "daddr")).isEqualTo(InetAddress.getByName(to));
    assertThat(event.get("sport")).isEqualTo(connection.sender.getLocalPort());
    assertThat((long) event.get("tcp_seq")).isNotNegative();
  }

  private static InetAddress address(GenericRecord event, String field) throws Exception {
    ByteBuffer bytes = (ByteBuffer) event.get(field);
    byte[] address = new byte[bytes.remaining()];
    bytes.get(bytes.position(), address);
    return InetAddress.getByAddress(address);
  }

  private static long count(ProbeBench probe, String stage, String network, String transport) {
    return probe.records("net_rx_latency_stages").stream()
        .filter(record -> record.get("stage").toString().equals(stage))
        .filter(record -> record.get("network").toString().equals(network))
        .filter(record -> record.get("transport").toString().equals(transport))
        .mapToLong(record -> (long) record.get("count"))
        .max()
        .orElse(0);
  }

  private static void isConsistent(GenericRecord record) {
    assertThat((int) record.get("cpu")).isEqualTo(-1);
    List<?> slots = (List<?>) record.get("latency_ns");
    long count = 0;
    long least = 0;
    long most = 0;
    for (int i = 0; i < slots.size(); i++) {
      count += (long) slots.get(i);
      least += i == 0 ? 0 : (long) slots.get(i) << i;
      most += (long) slots.get(i) << (i + 1);
    }
    // The map is read while packets come: the sums of one moment are not those of the next.
    assertThat(count).isCloseTo((long) record.get("count"), within(64L));
    assertThat((long) record.get("total_ns")).isGreaterThan(least / 2).isLessThan(2 * most);
  }

  /** From the left side to the right one. */
  private record Connection(ServerSocket listener, Socket sender, Socket receiver)
      implements AutoCloseable {

    static Connection open(String address, int port) throws Exception {
      ServerSocket listener =
          pair.in(
              Side.RIGHT, READER, () -> new ServerSocket(port, 5, InetAddress.getByName(address)));
      Socket sender = pair.in(Side.LEFT, Traffic.TASK, () -> new Socket(address, port));
      sender.setTcpNoDelay(true);
      return new Connection(listener, sender, listener.accept());
    }

    void send(int bytes) throws Exception {
      sender.getOutputStream().write(new byte[bytes]);
    }

    void receive(int bytes) throws Exception {
      pair.in(Side.RIGHT, READER, () -> receiver.getInputStream().readNBytes(bytes));
    }

    @Override
    public void close() throws IOException {
      sender.close();
      receiver.close();
      listener.close();
    }
  }
}
