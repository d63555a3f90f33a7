package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class AgentHttpTest {
  private static final Path BPF_STATS = Path.of("/proc/sys/kernel/bpf_stats_enabled");
  private static final String PROBE = "{probe=\"dropwatch\"}";
  private static final String LISTENING = "0A";

  /** 127.0.0.1 as /proc/net/tcp has it, and as /proc/net/tcp6 has it. */
  private static final List<String> LOOPBACK =
      List.of("0100007F", "0000000000000000FFFF00000100007F");

  private final Components components;
  @TempDir Path folder;

  AgentHttpTest(Components components) {
    this.components = components;
  }

  @Test
  void anAgentAtWorkSaysHowItIsOnLoopbackOnly() throws Exception {
    String before = Files.readString(BPF_STATS);
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = new AgentProcess(components, folder, Map.of())) {
      Files.writeString(BPF_STATS, "1");
      agent.start();
      NumberedDrops.exactly(100, network, 1_000, NumberedDrops.FIRST_PORT);
      Metrics metrics = agent.untilGone();
      agent.untilHealthy();
      assertThat(agent.get("/health").status()).isEqualTo(200);
      assertThat(agent.health().path("trouble")).isEmpty();

      assertThat(metrics.types())
          .containsEntry("bianque_probe_events_attempted_total", "counter")
          .containsEntry("bianque_probe_events_spooled", "gauge");
      assertThat(metrics.events("attempted")).isGreaterThanOrEqualTo(100);
      assertThat(metrics.samples())
          .containsEntry("bianque_probe_state{probe=\"dropwatch\",state=\"attached\"}", 1.0)
          .containsEntry("bianque_agent_broker_connected", 1.0)
          .containsKeys("bianque_agent_spool_bytes", "bianque_agent_in_flight_bytes");
      double resident = residentBytes(agent.pid());
      assertThat(agent.metrics().samples().get("process_resident_memory_bytes"))
          .isBetween(0.9 * resident, 1.1 * resident);
      assertThat(metrics.samples().get("bianque_probe_runs_total" + PROBE))
          .isGreaterThanOrEqualTo(100);
      assertThat(metrics.samples().get("bianque_probe_run_seconds_total" + PROBE))
          .isBetween(1e-6, 60.0);

      assertThat(agent.get("/nothing").status()).isEqualTo(404);
      assertThat(listeners(agent.port())).isNotEmpty().isSubsetOf(LOOPBACK);
    } finally {
      Files.writeString(BPF_STATS, before);
    }
  }

  @Test
  void aProbeThatFailedIsIll() throws Exception {
    try (AgentProcess agent =
        new AgentProcess(components, folder, Map.of("probes.dropwatch.watch_upd", "true"))) {
      agent.launch();
      Set<String> said = new LinkedHashSet<>();
      await()
          .atMost(Duration.ofSeconds(30))
          .pollInterval(Duration.ofMillis(10))
          .ignoreExceptions()
          .until(() -> {
            said.add(agent.health().path("status").asText());
            return said.contains("ill");
          });
      assertThat(said).isSubsetOf("starting", "ill");
      assertThat(agent.get("/health").status()).isEqualTo(503);
      assertThat(agent.health().path("status").asText()).isEqualTo("ill");
      assertThat(agent.health().at("/probes/0/reason").asText()).contains("watch_upd", "watch_udp");
      assertThat(agent.metrics().samples())
          .containsEntry("bianque_probe_state{probe=\"dropwatch\",state=\"failed\"}", 1.0);
    }
  }

  @Test
  void aPortInUseIsAnErrorThatNamesItsKey() throws Exception {
    try (ServerSocket taken = new ServerSocket(0);
        AgentProcess agent =
            new AgentProcess(
                components, folder, Map.of("http.port", Integer.toString(taken.getLocalPort())))) {
      assertThat(agent.run().refusedWith(1).output())
          .contains("port " + taken.getLocalPort() + " of http.port: Address already in use");
    }
  }

  private static double residentBytes(long pid) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) * 1024)
        .findFirst()
        .orElseThrow();
  }

  /** Addresses, in the kernel's hexadecimal, on which somebody listens on that port. */
  private static List<String> listeners(int port) throws IOException {
    try (Stream<String> tcp = Files.lines(Path.of("/proc/net/tcp"));
        Stream<String> tcp6 = Files.lines(Path.of("/proc/net/tcp6"))) {
      return Stream.concat(tcp, tcp6)
          .map(line -> List.of(line.strip().split("\\s+")))
          .filter(words -> words.get(3).equals(LISTENING))
          .map(words -> words.get(1))
          .filter(local -> local.endsWith(":%04X".formatted(port)))
          .map(local -> local.substring(0, local.indexOf(':')))
          .toList();
    }
  }
}
