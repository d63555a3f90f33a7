package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.WireFormat;
import io.bianque.streams.dns.ReverseNames.Answer;
import io.bianque.streams.metrics.Prometheus;
import io.bianque.streams.network.Networks;
import io.bianque.streams.rule.Rules;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What events are given as names and places of addresses, live and on a replay. */
class NamesTest {
  private static final long SECOND = 1_000_000_000;
  private static final long BEGIN = 1_700_000_000 * SECOND;

  @TempDir Path folder;

  private static void everythingKnown(Scene scene) {
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  private static Consumer<GenericRecord> at(long second) {
    return event -> event.put("time", BEGIN + second * SECOND);
  }

  private Scene replay() {
    return new Scene(
        folder.resolve("replay"), EnrichSettings.defaults(), Rules::none, Networks.none(), true);
  }

  /** What is recorded of an event of second 1 whose source is client.example. */
  private List<TestRecord<byte[], byte[]>> namesOfOneEvent() {
    try (Scene scene = new Scene(folder.resolve("live"))) {
      everythingKnown(scene);
      scene.dns.put("10.0.0.1", new Answer.Known("client.example"));
      scene.drop(at(1));
      return scene.records(Topics.NAMES);
    }
  }

  private static void sendNames(Scene scene, List<TestRecord<byte[], byte[]>> names) {
    names.forEach(name ->
        scene.send(Topics.NAMES, new String(name.key(), StandardCharsets.UTF_8), name.value()));
  }

  private static List<byte[]> values(List<TestRecord<byte[], byte[]>> records) {
    return records.stream().map(TestRecord::value).toList();
  }

  private static String metrics(Scene scene) {
    Prometheus out = new Prometheus();
    scene.metrics.write(out, 0);
    return out.toString();
  }

  @Test
  void aReplayGivesTheSameBytesThoughDnsSaysOtherwiseByThen() {
    List<byte[]> raw = new ArrayList<>();
    List<byte[]> live;
    List<TestRecord<byte[], byte[]>> names;
    try (Scene scene = new Scene(folder.resolve("live"))) {
      everythingKnown(scene);
      Consumer<Consumer<GenericRecord>> drop =
          changes -> {
            raw.add(scene.event(changes));
            scene.send(Scene.RAW, Scene.HOST, raw.getLast());
          };
      scene.dns.put("10.0.0.1", new Answer.Known("client.example"));
      drop.accept(at(1));
      scene.dns.put("10.0.0.1", new Answer.Known("renamed.example"));
      scene.dns.put("10.0.0.2", new Answer.Unavailable("DNS answered SERVFAIL"));
      drop.accept(at(2));
      scene.dns.put("10.0.0.1", new Answer.Pending());
      // Something else is missing too, before and after the name.
      drop.accept(at(3).andThen(event -> event.put("drop_reason", 999L)));
      scene.pass(Duration.ofMillis(300));
      drop.accept(at(1).andThen(event -> event.put("comm", "late")));
      scene.dns.put("10.0.0.1", new Answer.Known("renamed.example"));
      drop.accept(at(4));
      live = values(scene.records(Topics.enriched("dropwatch")));
      names = scene.records(Topics.NAMES);
    }
    assertThat(live).hasSize(5);
    assertThat(names).hasSize(6);

    try (Scene scene = replay()) {
      scene.dns.put("10.0.0.1", new Answer.Known("of-today.example"));
      sendNames(scene, names);
      everythingKnown(scene);
      raw.forEach(event -> scene.send(Scene.RAW, Scene.HOST, event));

      assertThat(values(scene.records(Topics.enriched("dropwatch"))))
          .containsExactlyElementsOf(live);
      assertThat(scene.records(Topics.NAMES)).as("a replay records nothing").isEmpty();
    }
  }

  @Test
  void whatALateEventIsGivenIsOfItsOwnTime() {
    try (Scene scene = new Scene(folder.resolve("live"))) {
      everythingKnown(scene);
      scene.dns.put("10.0.0.1", new Answer.Known("old.example"));
      scene.drop(at(1));
      scene.drop(at(10));
      scene.dns.put("10.0.0.1", new Answer.Known("new.example"));
      scene.drop(at(20));
      scene.drop(at(5));

      assertThat(scene.enriched())
          .extracting(event -> event.get("saddr_name"))
          .containsExactly("old.example", "old.example", "new.example", "old.example");
    }
  }

  @Test
  void aRecordThatCannotBeReadIsCountedAndLeftOut() {
    List<TestRecord<byte[], byte[]>> names = namesOfOneEvent();
    try (Scene scene = replay()) {
      sendNames(scene, names);
      String later = "10.0.0.1/0/1700000002000000000";
      scene.send(Topics.NAMES, later, "no avro".getBytes(StandardCharsets.UTF_8));
      scene.send(
          Topics.NAMES,
          later,
          WireFormat.frame(scene.registry.idOf(Topics.NAMES), new byte[] {20, 'c', 'u', 't'}));
      scene.send(Topics.NAMES, later, names.getFirst().value()); // under the key of another
      scene.send(Topics.NAMES, null, names.getFirst().value());
      everythingKnown(scene);
      scene.drop(at(3));

      assertThat(scene.enriched())
          .extracting(event -> event.get("saddr_name"))
          .containsExactly("client.example");
      assertThat(metrics(scene))
          .contains("bianque_streams_name_records_total{outcome=\"unreadable\"} 4");
    }
  }

  @Test
  void aRecordThatWasErasedIsThereNoMore() {
    List<TestRecord<byte[], byte[]>> names = namesOfOneEvent();
    try (Scene scene = replay()) {
      sendNames(scene, names);
      scene.send(Topics.NAMES, "10.0.0.1/0/1700000001000000000", null);
      everythingKnown(scene);
      scene.drop(at(1));

      assertThat(scene.enriched())
          .extracting(event -> event.get("missing"))
          .containsExactly(List.of("saddr_name: no name of it is recorded for that time"));
    }
  }

  @Test
  void aNameWhoseSchemaIsNotKnownYetHoldsTheEventUpAndIsNoDuplicateOfItself() {
    List<TestRecord<byte[], byte[]>> names = namesOfOneEvent();
    try (Scene scene = replay()) {
      scene.registry.hide(scene.registry.idOf(Topics.NAMES));
      sendNames(scene, names);
      everythingKnown(scene);
      scene.drop(at(1));
      assertThat(scene.enriched()).isEmpty();
      scene.registry.hide(0);
      scene.registry.retry();
      scene.pass(Duration.ofMillis(50));

      assertThat(scene.enriched())
          .extracting(event -> event.get("saddr_name"))
          .containsExactly("client.example");
    }
  }

  @Test
  void addressesHaveSiteAndOwnerOfTheirNetwork() throws Exception {
    Path file = folder.resolve("networks.yaml");
    Files.writeString(
        file,
        """
        networks:
          10.0.0.0/24: {site: fra1, owner: shop}
          10.0.0.2/32: {owner: payments}
        """);
    try (Scene scene =
        new Scene(
            folder.resolve("state"),
            EnrichSettings.defaults(),
            Rules::none,
            Networks.read(file),
            false)) {
      everythingKnown(scene);
      scene.drop();
      scene.drop(event -> {
        event.put("saddr", ByteBuffer.wrap(new byte[] {10, 0, 1, 1}));
        event.put("daddr", null);
      });

      List<GenericRecord> events = scene.enriched();
      assertThat(events)
          .extracting(event -> event.get("saddr_site"), event -> event.get("saddr_owner"))
          .containsExactly(tuple("fra1", "shop"), tuple(null, null));
      assertThat(events)
          .extracting(event -> event.get("daddr_site"), event -> event.get("daddr_owner"))
          .containsExactly(tuple(null, "payments"), tuple(null, null));
      assertThat(events).allSatisfy(event -> assertThat(event.get("missing")).isEqualTo(List.of()));
    }
  }
}
