package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.standalone.TopicsCommand;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

@RealComponents({Component.BROKER, Component.REGISTRY})
class StreamTierTest {
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);

  private final Components components;
  private final String application = "streams-" + UUID.randomUUID();
  @TempDir Path folder;

  StreamTierTest(Components components) {
    this.components = components;
  }

  private StreamsProcess process() throws Exception {
    return process(Map.of());
  }

  private StreamsProcess process(Map<String, String> more) throws Exception {
    return new StreamsProcess(components, application, folder, more);
  }

  /** RocksDB's, in the system's temporary folder: 15 MB each. */
  private static List<Path> unpackedLibraries() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("librocksdbjni"))
          .sorted()
          .toList();
    }
  }

  @Test
  void eachEventComesOutOnceThoughTheProcessIsKilledInTheMiddle() throws Exception {
    List<Path> temporary = unpackedLibraries();
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
          // Killed while it works: some is committed, some is written and not committed. It may
          // have caught up by now, so more comes until it is seen to work.
          int before = fleet.committed(ENRICHED).size();
          await()
              .atMost(Duration.ofSeconds(60))
              .until(() -> {
                fleet.drops();
                return fleet.committed(ENRICHED).size() > before;
              });
          for (int i = 0; i < 100; i++) {
            fleet.drops();
          }
          streams.kill();
          streams.start();
        }
      }
      fleet.flush();
      fleet.counters();
      long ofEach = fleet.sentByEach();
      int events = Math.toIntExact(ofEach * fleet.hosts.size());

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
            .hasSize(Math.toIntExact(ofEach));
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
              assertThat(row.get("received")).isEqualTo(ofEach);
              assertThat(row.get("enriched")).isEqualTo(ofEach);
              assertThat(row.get("unaccounted")).isEqualTo(0L);
              assertThat(row.get("duplicates")).isEqualTo(0L);
            }
          });
      assertThat(unpackedLibraries()).isEqualTo(temporary);
      System.out.printf(
          "%d events in, %d documents out, killed twice; resident %d MB%n",
          events, out.size(), streams.residentMegabytes());
      assertThat(streams.stop()).as("stops in order").isIn(0, 143);
    }
  }

  @Test
  void aBacklogFindsTheFactsOfItsHostsThoughTheyCameLater() throws Exception {
    int hosts = 8_000;
    // Room for few, so that events that run ahead of the facts leave without them.
    try (Fleet fleet = new Fleet(components, hosts);
        StreamsProcess streams = process(Map.of("BIANQUE_STREAMS_WAIT_EVENTS", "100"))) {
      fleet.symbols();
      fleet.drops();
      fleet.flush();
      fleet.factsBackwards();
      streams.start();
      await()
          .atMost(Duration.ofSeconds(120))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(
              () -> assertThat(fleet.committed(ENRICHED)).hasSizeGreaterThanOrEqualTo(hosts));
      List<GenericRecord> out = fleet.committed(ENRICHED);
      assertThat(out).hasSize(hosts);
      assertThat(out.stream().filter(e -> e.get("host_name") == null)).isEmpty();
    }
  }

  private static OptionalDouble metric(String metrics, String nameAndLabels) {
    return metrics
        .lines()
        .filter(line -> line.startsWith("bianque_streams_" + nameAndLabels + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .findFirst();
  }

  @Test
  void metricsSayHowFarBehindItIsAndHowLongEventsTake() throws Exception {
    int backlog = 20_000;
    String lagOfTopic = "topic_lag_records{topic=\"" + Topics.raw(Fleet.PROBE) + "\"}";
    String ofProbe = "{probe=\"" + Fleet.PROBE + "\"}";
    try (Fleet fleet = new Fleet(components, 4);
        StreamsProcess streams = process()) {
      fleet.facts();
      fleet.symbols();
      // So old that its age cannot be taken for that of what comes last.
      Instant anHourAgo = Instant.now().minus(Duration.ofHours(1));
      for (int i = 0; i < backlog / 4; i++) {
        fleet.drops(event -> event.put("time", anHourAgo.getEpochSecond() * 1_000_000_000L));
      }
      fleet.flush();
      streams.start();
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofMillis(50))
          .until(() -> metric(streams.get("/metrics"), lagOfTopic).orElse(0) > 0);
      await()
          .atMost(Duration.ofSeconds(120))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() -> assertThat(fleet.committed(ENRICHED)).hasSize(backlog));
      long sent = System.currentTimeMillis();
      fleet.drops();
      fleet.flush();
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(fleet.committed(ENRICHED)).hasSize(backlog + 4));

      String metrics = streams.get("/metrics");
      assertThat(metric(metrics, lagOfTopic)).hasValue(0);
      assertThat(metric(metrics, "lag_records"))
          .hasValue(
              metrics
                  .lines()
                  .filter(line -> line.startsWith("bianque_streams_topic_lag_records{"))
                  .peek(line -> assertThat(line).contains("{topic=\"bianque."))
                  .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(' '))))
                  .sum());
      // Events' times are whole seconds; a second for what a clock is read too early.
      assertThat(metric(metrics, "newest_event_age_seconds" + ofProbe).orElseThrow())
          .isBetween(0.0, (System.currentTimeMillis() - sent) / 1_000.0 + 2);
      double enriched = metric(metrics, "enriched_total" + ofProbe).orElseThrow();
      assertThat(enriched).isGreaterThanOrEqualTo(backlog + 4);
      assertThat(metric(metrics, "latency_seconds_count" + ofProbe)).hasValue(enriched);
      assertThat(metric(metrics, "received_bytes_total" + ofProbe).orElseThrow())
          .isGreaterThan(100 * enriched);
      assertThat(metric(metrics, "sent_bytes_total" + ofProbe).orElseThrow())
          .isGreaterThan(100 * enriched);
      assertThat(streams.get("/health"))
          .containsPattern(
              "\"latency_seconds\":\\{.*\"dropwatch\":\\{\"p50\":[0-9.]+,\"p99\":[0-9.]+}");
      assertThat(ofAlerts())
          .hasSizeGreaterThan(4)
          .allSatisfy(name -> assertThat(metrics).contains("# TYPE " + name + " "));
    }
  }

  /** The metrics that alerts are about. */
  private static Set<String> ofAlerts() throws IOException {
    String alerts = Files.readString(Path.of("..", "deploy", "prometheus", "streams-alerts.yaml"));
    return Pattern.compile("bianque_streams_[a-z_]+")
        .matcher(alerts)
        .results()
        .map(found -> found.group().replaceFirst("_bucket$", ""))
        .collect(Collectors.toSet());
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

  private void make(String route) {
    assertThat(
            new CommandLine(new TopicsCommand())
                .execute("route", route, "--bootstrap-servers", components.bootstrapServers()))
        .isZero();
  }

  @Test
  void aRouteWithoutItsTopicIsRefusedAtStartAndHoldsEventsUpLater() throws Exception {
    String route = "route-" + UUID.randomUUID();
    String topic = Topics.routed(route);
    Path rules = folder.resolve("rules.yaml");
    Files.writeString(
        rules,
        """
        rules:
          - name: everything
            probe: dropwatch
            when: "true"
            action: {route: %s}
        """
            .formatted(route));
    try (Fleet fleet = new Fleet(components, 2);
        StreamsProcess streams = process(Map.of("BIANQUE_STREAMS_RULES", rules.toString()));
        Admin admin = Admin.create(Map.of("bootstrap.servers", components.bootstrapServers()))) {
      fleet.facts();
      fleet.symbols();
      streams.start();
      assertThat(streams.awaitEnd()).isEqualTo(2);
      assertThat(streams.log())
          .contains(
              rules
                  + ":5:13: rule 'everything': topic "
                  + topic
                  + " is not there; make it: bianque topics route "
                  + route);

      make(route);
      streams.start();
      streams.awaitHealthy();
      for (int i = 0; i < 100; i++) {
        fleet.drops();
      }
      fleet.flush();
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() -> assertThat(fleet.committed(topic)).hasSize(200));
      assertThat(streams.get("/metrics"))
          .contains("bianque_streams_rule_held_total{rule=\"everything\",action=\"route\"} ");
      assertThat(fleet.committed(topic))
          .extracting(event -> event.get("event_id"))
          .containsExactlyInAnyOrderElementsOf(
              fleet.committed(ENRICHED).stream().map(event -> event.get("event_id")).toList());

      admin.deleteTopics(List.of(topic)).all().get();
      for (int i = 0; i < 100; i++) {
        fleet.drops();
      }
      fleet.flush();
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() ->
              assertThat(streams.get("/health"))
                  .contains("\"healthy\":false", "topic " + topic + " is not there"));
      assertThat(fleet.committed(ENRICHED)).as("waits").hasSize(200);
      make(route);
      await()
          .atMost(Duration.ofMinutes(4))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() -> assertThat(fleet.committed(ENRICHED)).hasSize(400));
      assertThat(fleet.committed(topic)).hasSize(200);
      admin.deleteTopics(List.of(topic)).all().get();
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
