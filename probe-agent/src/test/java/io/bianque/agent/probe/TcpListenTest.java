package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.TcpConnection;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Listeners that do not accept, and clients that are therefore turned away. */
@KernelTest
class TcpListenTest {
  private static final int BACKLOG = 1;
  private static final int FIRST_PORT = 7301;

  private NetnsPair pair;

  @BeforeEach
  void connect() {
    pair = NetnsPair.open();
  }

  @AfterEach
  void disconnect() {
    pair.close();
  }

  @Test
  void fullAcceptQueueIsCountedInItsNamespaceOnly() throws Exception {
    Process other = pair.start(Side.LEFT, "sleep", "100");
    Process resident = pair.start(Side.RIGHT, "sleep", "100");
    try (SourceBench source = new SourceBench("tcp_listen", Map.of())) {
      source.poll();
      overflow(FIRST_PORT);
      source.poll();

      List<GenericRecord> seen = of(source, Side.RIGHT);
      assertThat(seen).hasSize(1);
      GenericRecord first = seen.getFirst();
      assertThat((long) first.get("listen_overflows")).isPositive();
      assertThat((long) first.get("listen_drops"))
          .isGreaterThanOrEqualTo((long) first.get("listen_overflows"));
      assertThat(first.get("pid")).isEqualTo((int) resident.pid());
      assertThat(first.get("comm")).hasToString("sleep");
      assertThat(first.get("cpu")).isEqualTo(-1);
      assertThat((long) first.get("sequence")).isPositive();
      assertThat(of(source, Side.LEFT)).isEmpty();

      overflow(FIRST_PORT + 1);
      source.poll();

      assertThat((long) of(source, Side.RIGHT).getLast().get("listen_overflows"))
          .as("totals go on")
          .isGreaterThan((long) first.get("listen_overflows"));
      ProbeReport report = source.report();
      assertThat(report.kernel().attempted()).isEqualTo(source.records.size());
      assertThat(report.kernel().balances()).isTrue();
      assertThat(report.read()).isEqualTo(report.kernel().submitted());
    } finally {
      other.destroy();
      resident.destroy();
    }
  }

  @Test
  void whatWasCountedBeforeTheEpochIsNotInTheTotals() throws Exception {
    Process resident = pair.start(Side.RIGHT, "sleep", "100");
    overflow(FIRST_PORT);
    try (SourceBench source = new SourceBench("tcp_listen", Map.of())) {
      source.poll();

      assertThat(of(source, Side.RIGHT)).isEmpty();
    } finally {
      resident.destroy();
    }
  }

  @Test
  void namespaceThatAppearsLaterIsCountedFromItsBeginning() throws Exception {
    try (SourceBench source = new SourceBench("tcp_listen", Map.of())) {
      overflow(FIRST_PORT);
      Process resident = pair.start(Side.RIGHT, "sleep", "100");
      try {
        source.poll();

        assertThat((long) of(source, Side.RIGHT).getFirst().get("listen_overflows")).isPositive();
      } finally {
        resident.destroy();
      }
    }
  }

  /** More clients than the queue has room for; returns when the kernel has turned one away. */
  private void overflow(int port) throws Exception {
    try (ServerSocket _ = TcpConnection.listen(pair, Side.RIGHT.ipv4(), port, BACKLOG)) {
      List<Socket> clients = new ArrayList<>();
      for (int i = 0; i <= BACKLOG; i++) {
        clients.add(TcpConnection.connected(pair, Side.RIGHT.ipv4(), port));
      }
      clients.add(TcpConnection.connecting(pair, Side.RIGHT.ipv4(), port));
      // The kernel counts when the SYN comes, which the client sends at once, over a veth.
      Thread.sleep(100);
      for (Socket client : clients) {
        client.close();
      }
    }
  }

  private List<GenericRecord> of(SourceBench source, Side side) throws Exception {
    long netns = pair.inode(side);
    return source.records.stream().filter(record -> record.get("netns").equals(netns)).toList();
  }
}
