package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.LONG;
import static org.awaitility.Awaitility.await;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The parts of the stream tier, each in a process of its own. */
@RealComponents({Component.BROKER, Component.REGISTRY})
class PartsTest {
  private static final Topic RAW = Catalogue.load().topic(Topics.raw(Fleet.PROBE));
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);
  private static final Duration LIMIT = Duration.ofSeconds(90);
  private static final int ROUNDS = 50;

  private final Components components;
  private final String application = "parts-" + UUID.randomUUID();
  @TempDir Path folder;

  PartsTest(Components components) {
    this.components = components;
  }

  /** A process that runs these parts, with state of its own. */
  private StreamsProcess process(String parts) throws Exception {
    return process(parts, parts);
  }

  private StreamsProcess process(String name, String parts) throws Exception {
    return new StreamsProcess(
        components,
        application,
        folder.resolve(name),
        Map.of("BIANQUE_STREAMS_TOPOLOGY", parts, "BIANQUE_STREAMS_WAIT_SYMBOLS", "5m"));
  }

  @Test
  void twoProcessesEnrichWhatOneDoes() throws Exception {
    String kernel = UUID.randomUUID().toString().replace("-", "");
    String table = kernel + "/vmlinux";
    try (Fleet fleet = new Fleet(components, 4, kernel);
        StreamsProcess enrich = process("enrich");
        StreamsProcess requests = process("symbol-requests");
        StreamsProcess all = process("all")) {
      enrich.start();
      requests.start();
      enrich.awaitHealthy();
      requests.awaitHealthy();
      assertThat(enrich.get("/health"))
          .contains("\"application\":\"" + application + "-enrich\"", "\"topology\":[\"enrich\"]");
      assertThat(requests.get("/health"))
          .contains(
              "\"application\":\"" + application + "-symbol-requests\"",
              "\"topology\":[\"symbol-requests\"]",
              Topics.SYMBOL_CANDIDATES)
          .doesNotContain(Topics.raw(""));

      // Nobody has published this kernel's symbols: a host is asked, and does it.
      fleet.facts();
      for (int round = 0; round < ROUNDS; round++) {
        fleet.drops();
      }
      fleet.flush();
      await()
          .atMost(LIMIT)
          .pollInterval(Duration.ofMillis(500))
          .until(() -> !fleet.values(Topics.SYMBOL_REQUESTS, table).isEmpty());
      assertThat(fleet.values(Topics.SYMBOL_REQUESTS, table))
          .singleElement()
          .satisfies(request -> assertThat(fleet.hosts).contains((String) request.get("host_id")));
      fleet.symbols();

      int events = ROUNDS * fleet.hosts.size();
      List<GenericRecord> apart = awaitEnriched(fleet, events);
      assertThat(apart).allSatisfy(event -> assertThat(event.get("missing")).isEqualTo(List.of()));
      assertThat(((List<?>) apart.getFirst().get("kernel_stack")).get(3))
          .isEqualTo("function_3+0x20");
      await()
          .atMost(LIMIT)
          .pollInterval(Duration.ofMillis(500))
          .untilAsserted(() ->
              assertThat(fleet.values(Topics.SYMBOL_REQUESTS, table).getLast())
                  .as("withdrawn")
                  .isNull());
      assertThat(enrich.stop()).isIn(0, 143);
      assertThat(requests.stop()).isIn(0, 143);

      // Another application, so it reads the same again.
      all.start();
      List<GenericRecord> twice = awaitEnriched(fleet, 2 * events);
      assertThat(twice.stream().collect(Collectors.groupingBy(event -> event.get("event_id"))))
          .hasSize(events)
          .allSatisfy((id, same) ->
              assertThat(same).hasSize(2).allMatch(event -> event.equals(same.getFirst())));
    }
  }

  /** What the command printed, and its exit code. */
  private String move(String... fromAndTo) throws Exception {
    String name = "move-" + UUID.randomUUID();
    try (StreamsProcess command = process(name, "all")) {
      command.start(Stream.concat(Stream.of("move"), Stream.of(fromAndTo)).toArray(String[]::new));
      int exitCode = command.awaitEnd();
      return command.log() + "exit code " + exitCode;
    }
  }

  @Test
  void nothingIsLostOrDoneTwiceWhenPartsGoApartAndTogetherAgain() throws Exception {
    String[] apart = {"--from", "all", "--to", "enrich", "--to", "symbol-requests"};
    String[] together = {"--from", "enrich", "--from", "symbol-requests", "--to", "all"};
    String kernel = UUID.randomUUID().toString().replace("-", "");
    try (Fleet fleet = new Fleet(components, 4, kernel);
        StreamsProcess all = process("all");
        StreamsProcess enrich = process("enrich");
        StreamsProcess requests = process("symbol-requests");
        Admin admin = Admin.create(Map.of("bootstrap.servers", components.bootstrapServers()))) {
      int events = ROUNDS * fleet.hosts.size();
      assertThat(move(apart))
          .contains("application " + application + " has done nothing")
          .endsWith("exit code 1");
      all.start();
      all.awaitHealthy();
      fleet.facts();
      for (int round = 0; round < ROUNDS; round++) {
        fleet.drops();
      }
      fleet.flush();
      await().atMost(LIMIT).until(() -> Integer.parseInt(waiting(all)) >= events);
      assertThat(move(apart))
          .contains("application " + application + " runs, in 1 threads: stop all its processes")
          .endsWith("exit code 1");
      // They wait for their symbols, in a store: the application's offsets are behind them.
      awaitCommitted(admin);
      all.kill();
      await().atMost(LIMIT).until(() -> move(apart).endsWith("exit code 0"));
      // As if it had been killed before it gave the second one its offsets, the last thing it does.
      admin.deleteConsumerGroups(List.of(application + "-symbol-requests")).all().get();
      assertThat(move(apart))
          .contains(
              application + "-enrich: has got all of it by an earlier attempt",
              application + "-symbol-requests: begins behind what was done")
          .doesNotContain(application + "-enrich-", application + "-enrich: begins")
          .endsWith("exit code 0");

      enrich.start();
      requests.start();
      enrich.awaitHealthy();
      fleet.duplicates();
      fleet.drops();
      fleet.flush();
      fleet.symbols();
      awaitEnriched(fleet, events + 4);
      await()
          .atMost(LIMIT)
          .pollInterval(Duration.ofMillis(500))
          .untilAsserted(() ->
              assertThat(fleet.values(Topics.SYMBOL_REQUESTS, kernel + "/vmlinux"))
                  .as("asked by one application, withdrawn by the other")
                  .hasSize(2)
                  .endsWith((GenericRecord) null));
      assertThat(enrich.stop()).isIn(0, 143);
      assertThat(requests.stop()).isIn(0, 143);

      assertThat(move(together))
          .contains("application " + application + " has begun already")
          .endsWith("exit code 1");
      admin.deleteConsumerGroups(List.of(application)).all().get();
      delete(folder.resolve("all/state"));
      assertThat(move(together)).endsWith("exit code 0");
      all.start();
      all.awaitHealthy();
      fleet.duplicates();
      fleet.drops();
      fleet.flush();
      fleet.counters();
      List<GenericRecord> out = awaitEnriched(fleet, events + 8);
      assertThat(out).extracting(event -> event.get("event_id")).doesNotHaveDuplicates();
      assertThat(out).allSatisfy(event -> assertThat(event.get("missing")).isEqualTo(List.of()));
      await()
          .atMost(LIMIT)
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() -> {
            for (String host : fleet.hosts) {
              GenericRecord row =
                  fleet.committed(Topics.LEDGER, r -> r.get("host_id").equals(host)).getLast();
              assertThat(row.get("received")).isEqualTo(ROUNDS + 4L);
              assertThat(row.get("duplicates")).isEqualTo(2L);
              assertThat(row.get("enriched")).isEqualTo(ROUNDS + 2L);
            }
          });
    }
  }

  /** Until the offsets of all parts in one are behind the events that are in Kafka by now. */
  private void awaitCommitted(Admin admin) throws Exception {
    Map<TopicPartition, OffsetSpec> raw = new HashMap<>();
    for (int i = 0; i < RAW.partitions(); i++) {
      raw.put(new TopicPartition(RAW.name(), i), OffsetSpec.latest());
    }
    var ends = admin.listOffsets(raw).all().get();
    await()
        .atMost(LIMIT)
        .untilAsserted(() -> {
          var offsets =
              admin.listConsumerGroupOffsets(application).partitionsToOffsetAndMetadata().get();
          ends.forEach((partition, end) -> {
            if (end.offset() > 0) {
              assertThat(offsets.get(partition))
                  .as("committed in %s", partition)
                  .isNotNull()
                  .extracting(OffsetAndMetadata::offset, LONG)
                  .isGreaterThanOrEqualTo(end.offset());
            }
          });
        });
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static String waiting(StreamsProcess process) {
    return process.get("/health").replaceAll("(?s).*\"waiting\":(\\d+).*|.*", "0$1");
  }

  private static List<GenericRecord> awaitEnriched(Fleet fleet, int events) {
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofSeconds(1))
        .untilAsserted(() -> assertThat(fleet.committed(ENRICHED)).hasSize(events));
    return fleet.committed(ENRICHED);
  }
}
