package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.DeadLetter;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.streams.rule.Rules;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is read, what is refused, what is left out, and where it goes. */
class IntakeTest {
  @TempDir Path state;
  private Scene scene;

  @BeforeEach
  void open() {
    scene = new Scene(state);
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  @AfterEach
  void close() {
    scene.close();
  }

  private void assertDeadLetter(byte[] value, String reason) {
    scene.send(Scene.RAW, Scene.HOST, value);
    scene.drop();
    assertThat(scene.deadLetters())
        .singleElement()
        .satisfies(letter -> {
          assertThat(letter.getReason()).isEqualTo(reason);
          assertThat(letter.getStage()).isEqualTo("enrich");
          assertThat(letter.getTopic()).isEqualTo(Scene.RAW);
          assertThat(letter.getDetail()).isNotBlank();
          assertThat(letter.getValue()).isEqualTo(value == null ? null : ByteBuffer.wrap(value));
          assertThat(letter.getKey())
              .isEqualTo(ByteBuffer.wrap(Scene.HOST.getBytes(StandardCharsets.UTF_8)));
        });
    assertThat(scene.enriched()).as("the rest goes on").hasSize(1);
  }

  @Test
  void whatIsNotAvroIsADeadLetter() {
    assertDeadLetter("hello".getBytes(StandardCharsets.UTF_8), "not-avro");
  }

  @Test
  void anEmptyValueIsADeadLetter() {
    assertDeadLetter(new byte[0], "truncated");
  }

  @Test
  void aTombstoneOfAnEventIsADeadLetter() {
    assertDeadLetter(null, "not-avro");
  }

  @Test
  void aTruncatedRecordIsADeadLetter() {
    byte[] whole = scene.event(e -> {});
    assertDeadLetter(Arrays.copyOf(whole, whole.length - 10), "truncated");
  }

  @Test
  void aRecordOfAnUnknownSchemaIsADeadLetter() {
    byte[] event = scene.event(e -> {});
    event[4] = 99;
    assertDeadLetter(event, "unknown-schema-id");
  }

  @Test
  void aRecordThatIsNoEventIsADeadLetter() {
    Schema schema =
        SchemaBuilder.record("other")
            .namespace("io.bianque.raw")
            .fields()
            .requiredInt("x")
            .endRecord();
    GenericRecord other = new GenericData.Record(schema);
    other.put("x", 1);
    assertDeadLetter(
        AvroWriter.generic(scene.registry.register("other", schema), schema).write(other),
        "not-an-event");
  }

  @Test
  void unreadableHostFactsAreADeadLetterToo() {
    scene.send(Topics.HOSTS, Scene.HOST, new byte[] {1, 2, 3});
    assertThat(scene.deadLetters()).extracting(DeadLetter::getTopic).containsExactly(Topics.HOSTS);
  }

  @Test
  void anEventThatCameTwiceLeavesOnce() {
    byte[] event = scene.event(e -> {});
    scene.send(Scene.RAW, Scene.HOST, event);
    scene.send(Scene.RAW, Scene.HOST, event);
    scene.drop();
    scene.send(Scene.RAW, Scene.HOST, event);
    assertThat(scene.enriched()).extracting(e -> e.get("sequence")).containsExactly(1L, 2L);
  }

  @Test
  void theSameNumberOfAnotherCpuOrEpochIsAnotherEvent() {
    scene.drop(e -> e.put("sequence", 7L));
    scene.drop(e -> {
      e.put("sequence", 7L);
      e.put("cpu", 1);
    });
    scene.drop(e -> {
      e.put("sequence", 7L);
      e.put("epoch", Scene.EPOCH + 1);
    });
    assertThat(scene.enriched()).hasSize(3);
  }

  @Test
  void deadLetterThatIsSentAgainIsTheEventThatItWas() {
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
    byte[] letter = scene.event(event -> {});
    for (int i = 0; i < 100; i++) {
      scene.drop();
    }
    scene.send(Scene.RAW, Scene.HOST, letter);
    assertThat(scene.enriched()).as("its number is far behind the window").hasSize(100);

    scene.sendAgain(letter, 7);

    assertThat(scene.enriched())
        .extracting(event -> event.get("event_id").toString())
        .containsExactly(Scene.RAW + "-0-7");
  }

  /** What it lacks may come while it waits. */
  @Test
  void deadLetterThatIsSentAgainMayWait() {
    byte[] letter = scene.event(event -> {});
    for (int i = 0; i < 100; i++) {
      scene.drop();
    }
    scene.sendAgain(letter, 7);
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
    scene.pass(Duration.ofSeconds(1));

    assertThat(scene.enriched())
        .hasSize(101)
        .extracting(event -> event.get("event_id").toString())
        .contains(Scene.RAW + "-0-7");
  }

  @Test
  void anEventThatWaitedIsNoDuplicateOfItself() {
    scene.drop(e -> e.put("boot_id", "b007-9"));
    scene.pass(Duration.ofSeconds(1));
    scene.facts(f -> f.setBootId("b007-9"));
    scene.pass(Duration.ofMillis(50));
    assertThat(scene.enriched()).hasSize(1);
  }

  @Test
  void anEventThatComesWhileItsHostsFactsCannotBeReadYetIsNoDuplicateOfItself() {
    // After a restart: the facts are in the store, their schema is still being asked for.
    try (Scene own = new Scene(state.resolve("own"))) {
      own.registry.hide(own.registry.idOf(Topics.HOSTS));
      own.<String, byte[]>store("facts")
          .put(Scene.HOST + "/" + Scene.BOOT, own.factsRecord(f -> {}));
      own.container(c -> {});
      own.kernelSymbols();
      own.moduleSymbols();
      own.drop();
      own.drop();
      assertThat(own.enriched()).isEmpty();
      own.registry.hide(0);
      own.registry.retry();
      own.pass(Duration.ofMillis(50));
      assertThat(own.enriched()).extracting(e -> e.get("sequence")).containsExactly(1L, 2L);
    }
  }

  @Test
  void aNewProbesEventsAreEnrichedWithoutAnythingSaidOfIt() {
    Schema raw =
        new Schema.Parser()
            .parse(
                """
                {"type": "record", "name": "mine", "namespace": "io.bianque.raw", "fields": [
                  {"name": "host_id", "type": {"type": "string", "logicalType": "host-id"}},
                  {"name": "boot_id", "type": {"type": "string", "logicalType": "boot-id"}},
                  {"name": "epoch", "type": {"type": "long", "logicalType": "probe-epoch"}},
                  {"name": "cpu", "type": "int"},
                  {"name": "sequence", "type": {"type": "long", "logicalType": "sequence"}},
                  {"name": "time", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
                  {"name": "where", "type": {"type": "long", "logicalType": "kernel-address"}},
                  {"name": "what", "type": "string"}]}
                """);
    scene.registry.register(Topics.enriched("mine"), EnrichedSchema.of(raw));
    GenericRecord event = new GenericData.Record(raw);
    event.put("host_id", Scene.HOST);
    event.put("boot_id", Scene.BOOT);
    event.put("epoch", 1L);
    event.put("cpu", 0);
    event.put("sequence", 1L);
    event.put("time", 1_700_000_100_000_000_000L);
    event.put("where", Scene.TEXT + 0x2001);
    event.put("what", "mine");
    scene.send(
        Topics.raw("mine"),
        Scene.HOST,
        AvroWriter.generic(scene.registry.register(Topics.raw("mine"), raw), raw).write(event));
    assertThat(scene.read(Topics.enriched("mine")))
        .singleElement()
        .satisfies(e -> assertThat(e.get("where")).isEqualTo("tcp_v4_rcv+0x1"));
  }

  @Test
  void whileTheRegistryIsAwayEventsWaitAndNoneIsRefused() {
    try (Scene own = new Scene(state.resolve("own"))) {
      own.registry.reachable(false);
      own.facts();
      own.kernelSymbols();
      own.moduleSymbols();
      for (int i = 0; i < 200; i++) {
        own.drop();
      }
      own.pass(Duration.ofMinutes(10));
      assertThat(own.enriched()).isEmpty();
      assertThat(own.deadLetters()).isEmpty();
      assertThat(own.waitsFor())
          .anySatisfy(w -> assertThat(w).contains("the registry does not answer"));

      own.registry.reachable(true);
      // Facts, then the event's schema, then the enriched one are asked for as they are met.
      for (int i = 0; i < 5; i++) {
        own.registry.retry();
        own.pass(Duration.ofMillis(50));
      }
      List<GenericRecord> events = own.enriched();
      assertThat(events).hasSize(200);
      assertThat(events).extracting(e -> e.get("sequence")).isSorted().doesNotHaveDuplicates();
      assertThat(own.waitsFor()).isEmpty();
    }
  }

  @Test
  void aRoomFullOfWhatCannotLeavePausesInsteadOfLosing() {
    EnrichSettings d = EnrichSettings.defaults();
    EnrichSettings small =
        new EnrichSettings(
            d.factsWait(),
            d.symbolsWait(),
            d.containersWait(),
            d.namesWait(),
            d.absentFor(),
            3,
            d.keepState(),
            d.maxRecordBytes());
    try (Scene own = new Scene(state.resolve("own"), small, Rules.none())) {
      own.registry.reachable(false);
      for (int i = 0; i < 3; i++) {
        own.drop();
      }
      assertThat(own.pauses).isEmpty();
      own.drop();
      assertThat(own.pauses).isNotEmpty();
      assertThat(own.metrics.waiting()).isEqualTo(4);
    }
  }

  @Test
  void anEventWhoseEnrichedSchemaIsNotRegisteredWaitsForIt() {
    Schema raw = scene.registry.schemaOf(Scene.RAW);
    Schema next =
        new Schema.Parser()
            .parse(raw.toString().replace("\"name\":\"comm\"", "\"name\":\"command\""));
    int id = scene.registry.register(Scene.RAW, next);
    byte[] event = scene.event(e -> {});
    event[4] = (byte) id;
    scene.send(Scene.RAW, Scene.HOST, event);
    scene.pass(Duration.ofMinutes(1));
    assertThat(scene.enriched()).isEmpty();
    assertThat(scene.waitsFor())
        .singleElement()
        .asString()
        .contains("bianque.enriched.dropwatch-value", "not registered");
    scene.registry.register(Topics.enriched("dropwatch"), EnrichedSchema.of(next));
    scene.registry.retry();
    scene.pass(Duration.ofMillis(50));
    assertThat(scene.enriched())
        .singleElement()
        .satisfies(e -> assertThat(e.get("command")).isEqualTo("curl"));
  }

  @Test
  void anIgnoredEventGoesToItsTopicWithTheRulesName() {
    Rules rules =
        Rules.of(
            "rules.yaml",
            "rules:\n  - {name: quiet, probe: dropwatch, when: event.comm == 'noisy'}",
            Map.of("dropwatch", scene.registry.schemaOf(Topics.enriched("dropwatch"))),
            Set.of(),
            Set.of());
    try (Scene own = new Scene(state.resolve("own"), EnrichSettings.defaults(), rules)) {
      own.facts();
      own.kernelSymbols();
      own.moduleSymbols();
      own.drop(e -> e.put("comm", "noisy"));
      own.drop();
      List<TestRecord<byte[], byte[]>> ignored = own.records(Topics.ignored("dropwatch"));
      assertThat(ignored).hasSize(1);
      assertThat(
              new String(
                  ignored.getFirst().headers().lastHeader("bianque.rule").value(),
                  StandardCharsets.UTF_8))
          .isEqualTo("quiet");
      assertThat(own.enriched())
          .hasSize(1)
          .allSatisfy(e -> assertThat(e.get("rules_version")).isEqualTo(rules.version()));
    }
  }

  /** Other rules come between any two questions that are asked. */
  @Test
  void theRulesThatAnEventNamesAreThoseThatDecidedIt() {
    Map<String, Schema> schemas =
        Map.of("dropwatch", scene.registry.schemaOf(Topics.enriched("dropwatch")));
    String all = "rules:\n  - {name: all, probe: dropwatch, when: 'true'}";
    Rules ignoring = Rules.of("all.yaml", all, schemas, Set.of(), Set.of());
    Rules passing = Rules.of("none.yaml", "rules: []", schemas, Set.of(), Set.of());
    AtomicInteger asked = new AtomicInteger();
    Supplier<Rules> changing = () -> asked.incrementAndGet() % 2 == 0 ? ignoring : passing;
    try (Scene own = new Scene(state.resolve("own"), EnrichSettings.defaults(), changing)) {
      own.facts();
      own.kernelSymbols();
      own.moduleSymbols();
      for (int i = 0; i < 10; i++) {
        own.drop();
      }
      assertThat(own.enriched())
          .hasSize(5)
          .allSatisfy(e -> assertThat(e.get("rules_version")).isEqualTo(passing.version()));
      assertThat(own.read(Topics.ignored("dropwatch")))
          .hasSize(5)
          .allSatisfy(e -> assertThat(e.get("rules_version")).isEqualTo(ignoring.version()));
    }
  }
}
