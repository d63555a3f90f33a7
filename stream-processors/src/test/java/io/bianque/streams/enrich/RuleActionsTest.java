package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.bianque.facts.LedgerRow;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.streams.metrics.Prometheus;
import io.bianque.streams.rule.Rules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What rules do, as it comes out. */
class RuleActionsTest {
  private static final String IGNORED = Topics.ignored("dropwatch");
  private static final String ROUTED = Topics.routed("network-team");

  @TempDir Path state;

  private Scene scene(String folder, String rules) {
    Scene scene =
        new Scene(
            state.resolve(folder),
            EnrichSettings.defaults(),
            Rules.of(
                "rules.yaml",
                rules,
                Map.of("dropwatch", new Registered().schemaOf(Topics.enriched("dropwatch"))),
                Set.of(),
                Set.of()));
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
    return scene;
  }

  @Test
  void tagsAndSeverityAreInTheEvent() {
    String rules =
        """
        rules:
          - {name: a, probe: dropwatch, when: event.dport == 81, action: {tag: known}}
          - {name: b, probe: dropwatch, when: event.comm == "curl", action: {severity: critical}}
          - {name: c, probe: dropwatch, when: event.dport == 81, action: {severity: info}}
          - {name: d, probe: dropwatch, when: event.comm == "curl", action: {tag: tool}}
        """;
    try (Scene scene = scene("tags", rules)) {
      scene.drop();
      scene.drop(event -> event.put("comm", "java"));
      scene.drop(event -> event.put("dport", 82));
      scene.drop(event -> {
        event.put("comm", "java");
        event.put("dport", 82);
      });
      assertThat(scene.enriched())
          .extracting(event -> event.get("tags"), event -> event.get("rule_severity"))
          .containsExactly(
              tuple(List.of("known", "tool"), "critical"),
              tuple(List.of("known"), "info"),
              tuple(List.of("tool"), "critical"),
              tuple(List.of(), null));
    }
  }

  @Test
  void anIgnoredEventHasNoTagsThoughARuleBeforeHeld() {
    String rules =
        """
        rules:
          - {name: a, probe: dropwatch, when: event.dport == 81, action: {tag: known}}
          - {name: b, probe: dropwatch, when: event.dport == 81, action: {route: network-team}}
          - {name: c, probe: dropwatch, when: event.dport == 81}
        """;
    try (Scene scene = scene("ignored", rules)) {
      scene.drop();
      assertThat(scene.read(IGNORED))
          .singleElement()
          .satisfies(event -> assertThat(event.get("tags")).isEqualTo(List.of()));
      assertThat(scene.enriched()).isEmpty();
      assertThat(scene.records(ROUTED)).isEmpty();
    }
  }

  @Test
  void aSampleIsTheSameInAReplayAndTheLedgerBalances() {
    String rules =
        """
        rules:
          - {name: s, probe: dropwatch, when: event.dport == 81, action: {sample: 4}}
        """;
    int events = 400;
    List<String> kept;
    try (Scene scene = scene("first", rules)) {
      for (int i = 0; i < events; i++) {
        scene.drop();
      }
      scene.drop(event -> event.put("dport", 82));
      List<GenericRecord> enriched = new ArrayList<>(scene.enriched());
      List<TestRecord<byte[], byte[]>> ignored = scene.records(IGNORED);
      assertThat(enriched.removeLast().get("sample_rate")).isNull();
      assertThat(enriched)
          .hasSizeBetween(60, 140)
          .allSatisfy(event -> assertThat(event.get("sample_rate")).isEqualTo(4L));
      assertThat(ignored)
          .hasSize(events - enriched.size())
          .allSatisfy(record ->
              assertThat(record.headers().lastHeader("bianque.rule").value())
                  .isEqualTo("s".getBytes(StandardCharsets.UTF_8)));
      kept = enriched.stream().map(event -> (String) event.get("event_id")).toList();
      scene.counters(counters -> {});
      LedgerRow row = scene.ledger().getLast();
      assertThat(row.getReceived()).isEqualTo(events + 1);
      assertThat(row.getEnriched()).isEqualTo(kept.size() + 1);
      assertThat(row.getIgnored()).isEqualTo(Map.of("s", (long) events - kept.size()));
    }
    try (Scene again = scene("again", rules)) {
      for (int i = 0; i < events; i++) {
        again.drop();
      }
      assertThat(again.enriched())
          .extracting(event -> event.get("event_id"))
          .containsExactlyElementsOf(kept);
    }
  }

  @Test
  void aRoutedEventIsInBothTopicsAndCountedOnce() {
    String rules =
        """
        rules:
          - {name: a, probe: dropwatch, when: event.dport == 81, action: {route: network-team}}
          - {name: b, probe: dropwatch, when: event.dport == 81, action: {tag: late}}
        """;
    try (Scene scene = scene("route", rules)) {
      scene.drop();
      scene.drop(event -> event.put("dport", 82));
      TestRecord<byte[], byte[]> copy = scene.records(ROUTED).getFirst();
      List<TestRecord<byte[], byte[]>> enriched = scene.records(Topics.enriched("dropwatch"));
      assertThat(enriched).hasSize(2);
      TestRecord<byte[], byte[]> original = enriched.getFirst();
      assertThat(copy.value()).as("tags and all").isEqualTo(original.value());
      assertThat(copy.key()).isEqualTo(original.key());
      assertThat(copy.timestamp()).isEqualTo(original.timestamp());
      scene.counters(counters -> {});
      assertThat(scene.ledger().getLast().getEnriched()).isEqualTo(2);
      Prometheus out = new Prometheus();
      scene.metrics.write(out, 0);
      assertThat(out.toString())
          .contains("bianque_streams_routed_total{route=\"network-team\"} 1\n");
    }
  }

  @Test
  void eventsOfOlderAgentsAreRoutedAndIgnoredAndNothingElse() {
    String rules =
        """
        rules:
          - {name: a, probe: dropwatch, when: event.comm == "curl", action: {tag: known}}
          - {name: b, probe: dropwatch, when: event.comm == "curl", action: {sample: 999999999}}
          - {name: c, probe: dropwatch, when: event.comm == "curl", action: {route: network-team}}
        """;
    try (Scene scene = scene("old", rules)) {
      Catalogue catalogue = Catalogue.load();
      Schema old = catalogue.earlierSchemas(catalogue.topic(Scene.RAW)).getLast();
      GenericRecord event = new GenericData.Record(old);
      GenericRecord now = AvroReader.generic(scene.registry).read(scene.event(e -> {}));
      old.getFields().forEach(field -> event.put(field.name(), now.get(field.name())));
      scene.send(
          Scene.RAW,
          Scene.HOST,
          AvroWriter.generic(scene.registry.idOf(Scene.RAW, old), old).write(event));
      assertThat(scene.enriched())
          .singleElement()
          .satisfies(enriched -> assertThat(enriched.hasField("tags")).isFalse());
      assertThat(scene.records(ROUTED)).hasSize(1);
    }
  }
}
