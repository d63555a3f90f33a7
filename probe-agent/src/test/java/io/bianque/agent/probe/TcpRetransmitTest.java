package io.bianque.agent.probe;

import static io.bianque.agent.probe.TcpEvents.assertAbsent;
import static io.bianque.agent.probe.TcpEvents.assertDevice;
import static io.bianque.agent.probe.TcpEvents.assertEnds;
import static io.bianque.agent.probe.TcpEvents.assertHeader;
import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.probe.TcpEvents.Family;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.TcpConnection;
import io.bianque.agent.testing.Tracefs;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every field of events of real retransmissions, by each variant of the hooks. */
@KernelTest
@ParameterizedClass(name = "{0} {1}")
@CsvSource({"tp_btf/, RINGBUF", "raw_tp/, RINGBUF", "tp/tcp/, RINGBUF", "tp_btf/, PERF"})
class TcpRetransmitTest {
  private static final int ESTABLISHED = 1;
  private static final int SYN_SENT = 2;
  private static final int NEW_SYN_RECV = 12;
  private static final int SYN = 2;
  private static final int PSH_ACK = 24;

  private static NetnsPair pair;
  private static ProbeBench probe;

  @Parameter(0)
  String type;

  @Parameter(1)
  Channel channel;

  @BeforeAll
  static void connect() {
    pair = NetnsPair.open();
  }

  @AfterAll
  static void disconnect() {
    pair.close();
  }

  @BeforeParameterizedClassInvocation
  static void attach(String type, Channel channel) throws Exception {
    Set<String> sections =
        Set.of(
            type + "tcp_retransmit_skb",
            type + "tcp_retransmit_synack",
            // It has no classic variant: that would need a tracepoint's format by kernel.
            (type.equals("tp/tcp/") ? "tp_btf/" : type) + "tcp_cong_state_set");
    probe =
        Tracefs.mounted(() ->
            ProbeBench.of(
                "tcp_retransmit",
                channel,
                1 << 20,
                Map.of("max_events_per_second", "0"),
                sections));
  }

  @AfterParameterizedClassInvocation
  static void detach() {
    probe.close();
  }

  /** The last segment is lost: first the probe for that, then the timeout. */
  @ParameterizedTest
  @EnumSource
  void lostTailIsProbedAndThenTimesOut(Family family) throws Exception {
    long begin = System.nanoTime();
    pair.nft(Side.RIGHT, "input", "tcp dport 7101 meta length > 140 drop");
    try (TcpConnection connection = TcpConnection.open(pair, family.of(Side.RIGHT), 7101)) {
      connection.send(1, 100);
      int from = connection.client().getLocalPort();

      GenericRecord tlp = probe.await("probe", segment(from, "TLP"));
      GenericRecord first = probe.await("timeout", segment(from, "RTO"));
      GenericRecord second =
          probe.await(
              "second timeout",
              segment(from, "RTO").and(e -> Objects.equals(e.get("timeouts"), 2)));

      assertHeader(tlp, begin);
      assertThat(tlp.get("kind")).hasToString("SEGMENT");
      assertPlace(tlp, Side.LEFT);
      assertEnds(tlp, family, Side.LEFT, from, 7101);
      assertThat(tlp.get("sk_state")).isEqualTo(ESTABLISHED);
      assertThat((long) tlp.get("tcp_end_seq") - (long) tlp.get("tcp_seq") & 0xffffffffL)
          .isEqualTo(100);
      assertThat(tlp.get("tcp_flags")).isEqualTo(PSH_ACK);
      assertThat(tlp.get("error")).isEqualTo(0);
      assertThat(tlp.get("ca_state")).hasToString("OPEN");
      assertThat(tlp.get("timeouts")).isEqualTo(0);
      assertThat(tlp.get("backoff")).isEqualTo(0);
      assertThat((long) tlp.get("srtt_us")).isBetween(1L, 1_000_000L);
      assertThat((long) tlp.get("cwnd")).isEqualTo(10);
      assertThat(tlp.get("packets_out")).isEqualTo(1L);
      assertThat(tlp.get("retrans_out")).isEqualTo(0L);
      assertThat(tlp.get("sacked_out")).isEqualTo(0L);
      assertThat(tlp.get("lost_out")).isEqualTo(0L);
      assertThat(tlp.get("total_retrans")).isEqualTo(1L);
      assertThat(tlp.get("reordering_seen")).isEqualTo(0L);
      assertThat(tlp.get("dsack_dups")).isEqualTo(0L);
      assertAbsent(tlp, "attempts", "accept_queue", "accept_queue_limit");

      assertThat(first.get("ca_state")).hasToString("LOSS");
      assertThat(first.get("timeouts")).isEqualTo(1);
      assertThat(first.get("lost_out")).isEqualTo(1L);
      assertThat(first.get("tcp_seq")).isEqualTo(tlp.get("tcp_seq"));
      assertThat(first.get("total_retrans")).isEqualTo(2L);
      assertThat(second.get("backoff")).isEqualTo(1);
      assertThat(second.get("total_retrans")).isEqualTo(3L);
    }
  }

  /** One segment is lost and later ones arrive. */
  @ParameterizedTest
  @EnumSource
  void segmentLostInTheMiddleIsSentAgainAtOnce(Family family) throws Exception {
    pair.nft(
        Side.RIGHT,
        "input",
        "tcp dport 7102 meta length > 140 limit rate 1/hour burst 1 packets drop");
    try (TcpConnection connection = TcpConnection.open(pair, family.of(Side.RIGHT), 7102)) {
      connection.send(8, 100);
      int from = connection.client().getLocalPort();

      GenericRecord event = probe.await("fast", segment(from, "FAST_RETRANSMIT"));

      assertPlace(event, Side.LEFT);
      assertEnds(event, family, Side.LEFT, from, 7102);
      assertThat(event.get("ca_state")).hasToString("RECOVERY");
      assertThat(event.get("timeouts")).isEqualTo(0);
      assertThat((long) event.get("sacked_out")).isBetween(1L, 7L);
      assertThat(event.get("lost_out")).isEqualTo(1L);
      assertThat((long) event.get("packets_out")).isBetween(2L, 8L);
    }
  }

  /** It arrived, but its acknowledgement did not; the next one says that it came twice. */
  @ParameterizedTest
  @EnumSource
  void needlessTimeoutIsFoundOut(Family family) throws Exception {
    // Else it is the probe that is answered, which needs no undoing.
    pair.sysctl(Side.LEFT, "net.ipv4.tcp_early_retrans", "0");
    try (TcpConnection connection = TcpConnection.open(pair, family.of(Side.RIGHT), 7103)) {
      pair.nft(Side.RIGHT, "output", "tcp sport 7103 limit rate 1/hour burst 1 packets drop");
      connection.send(1, 100);
      int from = connection.client().getLocalPort();

      GenericRecord sent = probe.await("timeout", segment(from, "RTO"));
      GenericRecord undo = probe.await("undo", event(Side.LEFT, from, "SPURIOUS"));

      assertThat(undo.get("kind")).hasToString("UNDO");
      assertThat((long) undo.get("ktime_ns")).isGreaterThan((long) sent.get("ktime_ns"));
      assertEnds(undo, family, Side.LEFT, from, 7103);
      assertThat(undo.get("ca_state")).hasToString("LOSS");
      assertThat(undo.get("total_retrans")).isEqualTo(1L);
      assertThat(undo.get("dsack_dups")).isEqualTo(1L);
      assertAbsent(undo, "tcp_seq", "tcp_end_seq", "tcp_flags", "error", "attempts");
    } finally {
      pair.sysctl(Side.LEFT, "net.ipv4.tcp_early_retrans", "3");
    }
  }

  /** What was lost was lost: no undoing. */
  @Test
  void neededTimeoutIsNotTakenForSpurious() throws Exception {
    pair.nft(
        Side.RIGHT,
        "input",
        "tcp dport 7104 meta length > 140 limit rate 1/hour burst 1 packets drop");
    pair.sysctl(Side.LEFT, "net.ipv4.tcp_early_retrans", "0");
    try (TcpConnection connection = TcpConnection.open(pair, Side.RIGHT.ipv4(), 7104)) {
      connection.send(1, 100);
      int from = connection.client().getLocalPort();
      probe.await("timeout", segment(from, "RTO"));
      connection.server().getInputStream().readNBytes(100);
      connection.send(1, 10);
      connection.server().getInputStream().readNBytes(10);
      probe.drain();

      assertThat(probe.events).noneMatch(event(Side.LEFT, from, "SPURIOUS"));
    } finally {
      pair.sysctl(Side.LEFT, "net.ipv4.tcp_early_retrans", "3");
    }
  }

  /** The far end's address moves behind a router whose next link takes only small packets. */
  @Test
  void segmentTooBigForThePathIsSentAgain() throws Exception {
    String address = "198.51.100.1";
    pair.ip(Side.RIGHT, "addr", "add", address + "/32", "dev", Side.RIGHT.device());
    pair.ip(Side.LEFT, "route", "add", address, "via", Side.RIGHT.ipv4());
    try (TcpConnection connection = TcpConnection.open(pair, address, 7107)) {
      pair.sysctl(Side.RIGHT, "net.ipv4.ip_forward", "1");
      // Else the segment is found to belong to the listener's socket before it is to be forwarded.
      pair.sysctl(Side.RIGHT, "net.ipv4.ip_early_demux", "0");
      pair.ip(Side.RIGHT, "addr", "del", address + "/32", "dev", Side.RIGHT.device());
      pair.ip(Side.RIGHT, "route", "add", address, "via", Side.LEFT.ipv4(), "mtu", "600");
      connection.send(1, 1200);
      int from = connection.client().getLocalPort();

      GenericRecord event = probe.await("too big", segment(from, "PATH_MTU"));

      assertThat(event.get("ca_state")).hasToString("LOSS");
      assertThat(event.get("timeouts")).isEqualTo(0);
      assertThat((long) event.get("tcp_end_seq") - (long) event.get("tcp_seq") & 0xffffffffL)
          .isEqualTo(1200);
      assertThat((long) event.get("lost_out")).isPositive();
    } finally {
      pair.ip(Side.RIGHT, "route", "del", address);
      pair.ip(Side.LEFT, "route", "del", address);
      pair.sysctl(Side.RIGHT, "net.ipv4.ip_forward", "0");
      pair.sysctl(Side.RIGHT, "net.ipv4.ip_early_demux", "1");
    }
  }

  @ParameterizedTest
  @EnumSource
  void synWithoutAnAnswerIsSentAgain(Family family) throws Exception {
    pair.nft(Side.RIGHT, "input", "tcp dport 7105 drop");
    try (Socket client = TcpConnection.connecting(pair, family.of(Side.RIGHT), 7105)) {
      int from = client.getLocalPort();

      GenericRecord event = probe.await("syn", segment(from, "RTO"));

      assertPlace(event, Side.LEFT);
      assertEnds(event, family, Side.LEFT, from, 7105);
      assertThat(event.get("sk_state")).isEqualTo(SYN_SENT);
      assertThat(event.get("tcp_flags")).isEqualTo(SYN);
      assertThat((long) event.get("tcp_end_seq") - (long) event.get("tcp_seq") & 0xffffffffL)
          .isEqualTo(1);
      assertThat(event.get("timeouts")).as("of %s", event).isEqualTo(1);
      assertThat(event.get("srtt_us")).isEqualTo(0L);
    }
  }

  @ParameterizedTest
  @EnumSource
  void synAckWithoutAnAnswerIsSentAgain(Family family) throws Exception {
    long begin = System.nanoTime();
    pair.nft(Side.LEFT, "input", "tcp sport 7106 drop");
    try (ServerSocket listener = TcpConnection.listen(pair, family.of(Side.RIGHT), 7106, 5);
        Socket client = TcpConnection.connecting(pair, family.of(Side.RIGHT), 7106)) {
      int to = client.getLocalPort();

      GenericRecord event =
          probe.await(
              "syn-ack",
              e -> Objects.equals(e.get("dport"), to) && "SYN_ACK".equals(e.get("kind") + ""));

      assertHeader(event, begin);
      assertThat(event.get("cause")).hasToString("RTO");
      assertThat(event.get("netns")).isEqualTo(pair.inode(Side.RIGHT));
      assertThat((long) event.get("socket_cgroup_id")).isPositive();
      assertEnds(event, family, Side.RIGHT, 7106, to);
      assertThat(event.get("sk_state")).isEqualTo(NEW_SYN_RECV);
      assertThat((long) event.get("tcp_end_seq") - (long) event.get("tcp_seq") & 0xffffffffL)
          .isEqualTo(1);
      assertThat(event.get("attempts")).isEqualTo(1);
      assertThat(event.get("accept_queue")).isEqualTo(0L);
      assertThat(event.get("accept_queue_limit")).isEqualTo(5L);
      assertAbsent(event, "device", "ifindex", "tcp_flags", "error", "ca_state", "timeouts");
      assertAbsent(event, "backoff", "srtt_us", "cwnd", "packets_out", "total_retrans");
      assertThat(listener.isBound()).isTrue();
    }
  }

  private static Predicate<GenericRecord> segment(int from, String cause) {
    return event(Side.LEFT, from, cause).and(e -> "SEGMENT".equals(e.get("kind") + ""));
  }

  private static Predicate<GenericRecord> event(Side side, int from, String cause) {
    long netns = pair.inode(side);
    return e ->
        Objects.equals(e.get("netns"), netns)
            && Objects.equals(e.get("sport"), from)
            && cause.equals(e.get("cause") + "");
  }

  private static void assertPlace(GenericRecord event, Side side) {
    assertThat((long) event.get("socket_cgroup_id")).isPositive();
    assertDevice(event, pair, side);
  }
}
