package io.bianque.agent.probe;

import static io.bianque.agent.probe.TcpEvents.assertAbsent;
import static io.bianque.agent.probe.TcpEvents.assertDevice;
import static io.bianque.agent.probe.TcpEvents.assertEnds;
import static io.bianque.agent.probe.TcpEvents.assertHeader;
import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfType;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.probe.TcpEvents.Family;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.TcpConnection;
import io.bianque.agent.testing.Tracefs;
import io.bianque.agent.testing.Traffic;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every field of events of real resets and overflows, by each variant of the hooks. */
@KernelTest
@ParameterizedClass(name = "{0} {1}")
@CsvSource({"tp_btf/, RINGBUF", "raw_tp/, RINGBUF", "tp/tcp/, RINGBUF", "tp_btf/, PERF"})
class TcpResetTest {
  private static final int SYN_SENT = 2;
  private static final int CLOSE_WAIT = 8;
  private static final int LISTEN = 10;
  private static final int SYN = 2;

  private static NetnsPair pair;
  private static Traffic traffic;
  private static KernelSymbols symbols;
  private static BtfType.Enumeration reasons;
  private static ProbeBench probe;

  @Parameter(0)
  String type;

  @Parameter(1)
  Channel channel;

  @BeforeAll
  static void connect() {
    pair = NetnsPair.open();
    traffic = new Traffic(pair);
    symbols = new KernelSymbols();
    reasons = Btf.ofKernel().orElseThrow().enumeration("sk_rst_reason").orElseThrow();
  }

  @AfterAll
  static void disconnect() {
    pair.close();
  }

  @BeforeParameterizedClassInvocation
  static void attach(String type, Channel channel) throws Exception {
    Set<String> sections =
        Set.of(
            type + "tcp_send_reset",
            type + "tcp_receive_reset",
            // The overflow has no classic variant: functions are the first choice.
            (type.equals("tp/tcp/") ? "tp_btf/" : type) + "tcp_retransmit_synack");
    probe =
        Tracefs.mounted(() ->
            ProbeBench.of(
                "tcp_reset", channel, 1 << 20, Map.of("max_events_per_second", "0"), sections));
  }

  @AfterParameterizedClassInvocation
  static void detach() {
    probe.close();
  }

  /** Nobody has a socket for it at one end; at the other it ends the attempt to connect. */
  @ParameterizedTest
  @EnumSource
  void synToClosedPort(Family family) throws Exception {
    long begin = System.nanoTime();
    int from = family == Family.IPV4 ? 40_201 : 40_206;
    traffic.connect(from, family.of(Side.RIGHT), 7201);

    GenericRecord sent = probe.await("sent", in(Side.RIGHT, "SENT", "dport", from));
    GenericRecord received = probe.await("received", in(Side.LEFT, "RECEIVED", "dport", from));

    assertHeader(sent, begin);
    assertDevice(sent, pair, Side.RIGHT);
    assertEnds(sent, family, Side.RIGHT, 7201, from);
    assertReason(sent, "NO_SOCKET");
    assertThat(sent.get("cause_flags")).isEqualTo(SYN);
    assertThat((long) sent.get("cause_seq")).isPositive();
    assertThat(sent.get("cause_ack")).isEqualTo(0L);
    assertAbsent(sent, "overflow_stage", "socket_cgroup_id", "sk_state", "accept_queue");
    assertAbsent(sent, "accept_queue_limit", "syn_queue");
    assertThat(stack(sent))
        .startsWith(family == Family.IPV4 ? "tcp_v4_send_reset" : "tcp_v6_send_reset")
        .contains(family == Family.IPV4 ? "tcp_v4_rcv" : "tcp_v6_rcv");

    assertHeader(received, begin);
    assertDevice(received, pair, Side.LEFT);
    assertEnds(received, family, Side.RIGHT, 7201, from);
    assertThat((long) received.get("socket_cgroup_id")).isPositive();
    assertThat(received.get("sk_state")).isEqualTo(SYN_SENT);
    assertAbsent(received, "reason", "cause_flags", "cause_seq", "cause_ack", "overflow_stage");
    assertThat(stack(received)).startsWith("tcp_reset").contains("tcp_rcv_state_process");
  }

  /** The program that closes is the task on the CPU, and there is no segment that is the cause. */
  @ParameterizedTest
  @EnumSource
  void closedWithDataUnread(Family family) throws Exception {
    TcpConnection connection = TcpConnection.open(pair, family.of(Side.RIGHT), 7202);
    int from = connection.client().getLocalPort();
    connection.send(1, 100);
    int arrived = connection.server().getInputStream().read();
    connection.listener().close();
    pair.in(
        Side.RIGHT,
        Traffic.TASK,
        () -> {
          connection.server().close();
          return null;
        });

    GenericRecord sent = probe.await("sent", in(Side.RIGHT, "SENT", "dport", from));
    GenericRecord received = probe.await("received", in(Side.LEFT, "RECEIVED", "dport", from));
    connection.client().close();

    assertThat(arrived).isZero();
    assertThat(sent.get("comm")).hasToString(Traffic.TASK);
    assertThat(sent.get("pid")).isEqualTo((int) ProcessHandle.current().pid());
    assertDevice(sent, pair, Side.RIGHT);
    assertEnds(sent, family, Side.RIGHT, 7202, from);
    assertThat((long) sent.get("socket_cgroup_id")).isPositive();
    assertReason(sent, "TCP_ABORT_ON_CLOSE");
    assertThat((int) sent.get("sk_state")).isPositive();
    assertAbsent(sent, "cause_flags", "cause_seq", "cause_ack");
    assertThat(stack(sent))
        .startsWith("tcp_send_active_reset")
        .contains("__tcp_close", "do_syscall_64");
    // Java ends its half of the connection before it closes the socket.
    assertThat(received.get("sk_state")).isEqualTo(CLOSE_WAIT);
    assertEnds(received, family, Side.RIGHT, 7202, from);
  }

  /**
   * A client whose ACK gets lost finds, when it comes again, no room any more. The kernel drops it
   * and frees nothing with a reason: kfree_skb is silent.
   */
  @ParameterizedTest
  @EnumSource
  void acceptQueueIsFull(Family family) throws Exception {
    String address = family.of(Side.RIGHT);
    pair.nft(
        Side.RIGHT,
        "input",
        "tcp dport 7203 tcp flags & (syn | ack) == ack limit rate 1/hour burst 1 packets drop");
    try (ServerSocket listener = TcpConnection.listen(pair, address, 7203, 1);
        Socket late = TcpConnection.connected(pair, address, 7203);
        Socket first = TcpConnection.connected(pair, address, 7203);
        Socket second = TcpConnection.connected(pair, address, 7203)) {
      int from = late.getLocalPort();

      GenericRecord event =
          probe.await("overflow", in(Side.RIGHT, "LISTEN_OVERFLOW", "sport", from));

      assertThat(event.get("overflow_stage")).hasToString("WAITING");
      assertEnds(event, family, Side.LEFT, from, 7203);
      assertThat((long) event.get("socket_cgroup_id")).isPositive();
      assertThat(event.get("sk_state")).isEqualTo(LISTEN);
      assertThat(event.get("accept_queue")).isEqualTo(2L);
      assertThat(event.get("accept_queue_limit")).isEqualTo(1L);
      assertThat(event.get("syn_queue")).isEqualTo(1L);
      assertAbsent(event, "reason", "cause_flags", "cause_seq", "cause_ack", "device", "ifindex");
      assertThat(stack(event)).startsWith("tcp_rtx_synack");
      assertThat(List.of(first, second)).allMatch(Socket::isConnected);
      assertThat(listener.isBound()).isTrue();
    }
  }

  private static Predicate<GenericRecord> in(Side side, String kind, String field, int value) {
    long netns = pair.inode(side);
    return e ->
        Objects.equals(e.get("netns"), netns)
            && kind.equals(e.get("kind") + "")
            && Objects.equals(e.get(field), value);
  }

  private static void assertReason(GenericRecord event, String reason) {
    String name = "SK_RST_REASON_" + reason;
    long number =
        reasons.members().stream()
            .filter(m -> m.name().equals(name))
            .findFirst()
            .orElseThrow()
            .value();
    assertThat(event.get("reason")).isEqualTo(number);
  }

  private static List<String> stack(GenericRecord event) {
    return ((List<?>) event.get("kernel_stack"))
        .stream().map(address -> symbols.function((Long) address)).toList();
  }
}
