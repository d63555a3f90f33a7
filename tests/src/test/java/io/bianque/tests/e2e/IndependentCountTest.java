package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.agent.testing.MemoryCgroup;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.TcpConnection;
import io.bianque.tests.drops.NumberedDrops;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same drops, retransmissions and kills, counted by bpftrace beside the pipeline: by another
 * program, on hooks of its own.
 */
@Tag("e2e")
class IndependentCountTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int DROPS = 2_000;
  private static final int PORT = 7201;
  private static final long MIB = 1 << 20;

  @RegisterExtension
  static final StackUnderTest STACK =
      StackUnderTest.ofThisCheckout(
          () -> Map.of("BIANQUE_AGENT_PROBES__DROPWATCH__MAX_EVENTS_PER_SECOND", "0"));

  @TempDir Path folder;

  @Test
  void bpftraceCountsWhatElasticsearchHas() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/bpftrace")), "needs Debian's bpftrace");
    try (NetnsPair network = NetnsPair.open();
        Counting counting = Counting.start(folder.resolve("counts"), network)) {
      NumberedDrops drops = NumberedDrops.exactly(DROPS, network, 1_000, NumberedDrops.FIRST_PORT);
      retransmit(network);
      long victim = kill();

      JsonNode counted = counting.stop();
      long dropped = counted.at("/@drops").asLong();
      long retransmitted = counted.at("/@retransmissions").asLong();
      assertThat(dropped).isEqualTo(DROPS);
      assertThat(retransmitted).isGreaterThanOrEqualTo(2);
      assertThat(counted.at("/@victims/" + victim).asLong()).isEqualTo(1);

      // By reason, since the namespace drops by itself too, before bpftrace is there.
      String inNamespace =
          """
          {"bool": {"filter": [
            {"term": {"bianque.dropwatch.netns": %d}}, {"term": {"bianque.dropwatch.drop_reason": "NO_SOCKET"}}]}}
          """
              .formatted(network.inode(Side.RIGHT));
      awaitDocuments("dropwatch", inNamespace, dropped);
      awaitDocuments(
          "tcp_retransmit", "{\"term\": {\"destination.port\": " + PORT + "}}", retransmitted);
      awaitDocuments("oom", "{\"term\": {\"bianque.oom.victim_pid\": " + victim + "}}", 1);
      System.out.printf(
          "bpftrace and documents agree: %,d drops (%,d sent), %d retransmissions, 1 kill%n",
          dropped, drops.sent(), retransmitted);
      awaitBalance();
    }
  }

  /** What arrives after the handshake is dropped: a probe, then timeouts. */
  private static void retransmit(NetnsPair network) throws Exception {
    network.nft(Side.RIGHT, "input", "tcp dport " + PORT + " meta length > 140 drop");
    try (TcpConnection connection = TcpConnection.open(network, Side.RIGHT.ipv4(), PORT)) {
      connection.send(1, 100);
      Thread.sleep(2_000);
    }
  }

  private static long kill() throws Exception {
    try (MemoryCgroup cgroup = MemoryCgroup.create("bianque-count").limit(64 * MIB)) {
      Process glutton = cgroup.start("tail", "/dev/zero");
      assertThat(MemoryCgroup.await(glutton)).isEqualTo(128 + 9);
      return glutton.pid();
    }
  }

  /** As many, and after a while no more. */
  private static void awaitDocuments(String probe, String query, long count) {
    String stream = "logs-bianque." + probe + "-default";
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> STACK.search().documents(stream, query).size() >= count);
    await()
        .during(Duration.ofSeconds(3))
        .atMost(Duration.ofSeconds(10))
        .until(() -> STACK.search().documents(stream, query).size() == count);
  }

  /** Of each of the three probes the last row: all that it attempted has arrived. */
  private static void awaitBalance() {
    for (String probe : List.of("dropwatch", "tcp_retransmit", "oom")) {
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofSeconds(2))
          .untilAsserted(() -> {
            GenericRecord row =
                new Topic(STACK.ports(), "bianque.ledger")
                    .records().stream()
                        .filter(each -> each.get("probe").toString().equals(probe))
                        .reduce((earlier, later) -> later)
                        .orElseThrow(() -> new AssertionError("no row of " + probe));
            assertThat(row.get("attempted")).as("%s", row).isEqualTo(row.get("received"));
            assertThat(row.get("enriched")).as("%s", row).isEqualTo(row.get("received"));
          });
    }
  }

  /** bpftrace at work. */
  private record Counting(Process process, Path output) implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    static Counting start(Path output, NetnsPair network) throws IOException {
      String program =
          """
          tracepoint:skb:kfree_skb /((struct sk_buff *)args->skbaddr)->dev->nd_net.net->ns.inum == %d && args->reason == SKB_DROP_REASON_NO_SOCKET/ { @drops = count(); }
          tracepoint:tcp:tcp_retransmit_skb /args->dport == %d/ { @retransmissions = count(); }
          tracepoint:oom:mark_victim { @victims[args->pid] = count(); }
          interval:ms:500 { printf("counts"); }
          """
              .formatted(network.inode(Side.RIGHT), PORT);
      // Both file systems are its own, and go with it.
      String mounts =
          "mount -t tracefs tracefs /sys/kernel/tracing; mount -t debugfs debugfs /sys/kernel/debug; ";
      Process process =
          new ProcessBuilder(
                  "unshare",
                  "--mount",
                  "sh",
                  "-c",
                  mounts + "exec bpftrace -f json -e '" + program + "'")
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      Counting counting = new Counting(process, output);
      await()
          .atMost(Duration.ofMinutes(1))
          // It says attached_probes before it attaches them, and the first drops went uncounted.
          .until(() -> !process.isAlive() || Files.readString(output).contains("counts"));
      assertThat(process.isAlive()).as(Files.readString(output)).isTrue();
      return counting;
    }

    /** Its maps, by name: a number, or numbers by key. */
    JsonNode stop() throws Exception {
      new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
      Map<String, JsonNode> maps = new HashMap<>();
      for (String line : Files.readAllLines(output)) {
        JsonNode said = line.startsWith("{") ? JSON.readTree(line) : JSON.createObjectNode();
        if (said.path("type").asText().equals("map")) {
          said.path("data").properties().forEach(map -> maps.put(map.getKey(), map.getValue()));
        }
      }
      return JSON.valueToTree(maps);
    }

    @Override
    public void close() {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }
}
