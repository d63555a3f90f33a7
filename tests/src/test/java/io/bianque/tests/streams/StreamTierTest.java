package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RealComponents({Component.BROKER, Component.REGISTRY})
@Tag("kafka")
class StreamTierTest {
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);

  private final Components components;
  private final String application = "streams-" + UUID.randomUUID();
  @TempDir Path folder;

  StreamTierTest(Components components) {
    this.components = components;
  }

  @BeforeEach
  void distributionIsThere() throws Exception {
    try (StreamsProcess streams = process()) {
      assumeTrue(streams.built(), "stream-processors is not packaged: run `mvn package` first");
    }
  }

  private StreamsProcess process() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    return new StreamsProcess(components, application, folder, port, Map.of());
  }

  @Test
  void eachEventComesOutOnceThoughTheProcessIsKilledInTheMiddle() throws Exception {
    try (Fleet fleet = new Fleet(components, 4);
        StreamsProcess streams = process()) {
      streams.start();
      streams.awaitHealthy();
      fleet.facts();
      fleet.symbols();

      int rounds = 5_000;
      for (int round = 1; round <= rounds; round++) {
        fleet.drops();
        if (round == rounds / 5 || round == rounds / 2) {
          fleet.flush();
          // Killed while it works: some is committed, some is written and not committed.
          int before = fleet.committed(ENRICHED).size();
          await()
              .atMost(Duration.ofSeconds(60))
              .until(() -> fleet.committed(ENRICHED).size() > before);
          for (int i = 0; i < 100; i++) {
            fleet.drops();
          }
          streams.kill();
          streams.start();
        }
      }
      int events = (rounds + 200) * fleet.hosts.size();
      fleet.flush();
      fleet.counters();

      await()
          .atMost(Duration.ofSeconds(120))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(
              () -> assertThat(fleet.committed(ENRICHED).size()).isGreaterThanOrEqualTo(events));
      List<GenericRecord> out = fleet.committed(ENRICHED);
      assertThat(out).hasSize(events);
      assertThat(out).extracting(e -> e.get("event_id")).doesNotHaveDuplicates();
      for (String host : fleet.hosts) {
        assertThat(
                out.stream()
                    .filter(e -> e.get("host_id").equals(host))
                    .map(e -> (Long) e.get("sequence")))
            .as("all of host %s, in order", host)
            .isSorted()
            .hasSize(rounds + 200);
      }
      assertThat(out).allSatisfy(e -> assertThat(e.get("missing")).isEqualTo(List.of()));
      assertThat(((List<?>) out.getFirst().get("kernel_stack")).get(3))
          .isEqualTo("function_3+0x20");

      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() -> {
            for (String host : fleet.hosts) {
              GenericRecord row =
                  fleet.committed(Topics.LEDGER, r -> r.get("host_id").equals(host)).getLast();
              assertThat(row.get("received")).isEqualTo((long) rounds + 200);
              assertThat(row.get("enriched")).isEqualTo((long) rounds + 200);
              assertThat(row.get("unaccounted")).isEqualTo(0L);
              assertThat(row.get("duplicates")).isEqualTo(0L);
            }
          });
      System.out.printf(
          "%d events in, %d documents out, killed twice; resident %d MB%n",
          events, out.size(), streams.residentMegabytes());
      assertThat(streams.stop()).as("stops in order").isIn(0, 143);
    }
  }

  @Test
  void aRegistryThatIsAwayHoldsEventsUpAndLosesNone() throws Exception {
    try (Fleet fleet = new Fleet(components, 2);
        StreamsProcess streams = process()) {
      fleet.facts();
      fleet.symbols();
      components.stop(Component.REGISTRY);
      try {
        streams.start();
        await()
            .atMost(Duration.ofSeconds(60))
            .untilAsserted(() ->
                assertThat(streams.get("/health"))
                    .contains("\"healthy\":false")
                    .contains("registry"));
        for (int i = 0; i < 100; i++) {
          fleet.drops();
        }
        fleet.flush();
      } finally {
        components.start(Component.REGISTRY);
      }
      await()
          .atMost(Duration.ofSeconds(90))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() -> assertThat(fleet.committed(ENRICHED)).hasSize(200));
      streams.awaitHealthy();
      assertThat(streams.get("/metrics"))
          .contains("bianque_streams_enriched_total{probe=\"dropwatch\"}")
          .contains("bianque_streams_up 1");
    }
  }

  @Test
  void aBrokerThatIsKilledHoldsEventsUpAndLosesNone() throws Exception {
    try (Fleet fleet = new Fleet(components, 2);
        StreamsProcess streams = process()) {
      streams.start();
      streams.awaitHealthy();
      fleet.facts();
      fleet.symbols();
      for (int i = 0; i < 500; i++) {
        fleet.drops();
      }
      fleet.flush();
      await().atMost(Duration.ofSeconds(60)).until(() -> !fleet.committed(ENRICHED).isEmpty());
      for (int i = 0; i < 500; i++) {
        fleet.drops();
      }
      components.kill(Component.BROKER);
      components.start(Component.BROKER);
      for (int i = 0; i < 500; i++) {
        fleet.drops();
      }
      fleet.flush();
      await()
          .atMost(Duration.ofSeconds(120))
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> fleet.committed(ENRICHED).size() >= 3_000);
      assertThat(fleet.committed(ENRICHED))
          .extracting(e -> e.get("event_id"))
          .doesNotHaveDuplicates()
          .hasSize(3_000);
      streams.awaitHealthy();
      assertThat(streams.log()).doesNotContain("A stream thread died");
    }
  }
}
