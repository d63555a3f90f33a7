package io.bianque.tests.sinks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.facts.DeadLetter;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.standalone.http.Http;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@RealComponents({Component.BROKER, Component.REGISTRY, Component.SEARCH, Component.CONNECT})
class SearchSinkTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Components components;
  private final List<AutoCloseable> opened = new ArrayList<>();

  SearchSinkTest(Components components) {
    this.components = components;
  }

  @AfterEach
  void close() throws Exception {
    components.start(Component.REGISTRY, Component.SEARCH, Component.CONNECT);
    for (AutoCloseable each : opened.reversed()) {
      each.close();
    }
  }

  @Test
  void documentsAreFoundByWhatTheyAre() throws Exception {
    EnrichedTopic topic = topic("found");
    RunningConnector connector = connector(topic, Map.of());
    topic.events(0, 1_000);
    connector.awaitAllCommitted();

    DataStream stream = stream(topic);
    assertThat(stream.count()).isEqualTo(1_000);
    assertThat(stream.documents("{\"term\":{\"source.ip\":\"10.1.0.0/29\"}}"))
        .as("an address in a network")
        .hasSize(7);
    assertThat(stream.documents("{\"term\":{\"destination.ip\":\"fd00:0::17\"}}"))
        .as("an address however written")
        .hasSize(10);
    assertThat(stream.documents("{\"range\":{\"source.port\":{\"lt\":1029}}}")).hasSize(5);
    assertThat(
            stream.documents(
                "{\"range\":{\"@timestamp\":{\"gte\":\"2026-11-22T13:43:20.000000998Z\"}}}"))
        .as("times that differ by nanoseconds")
        .hasSize(2);
    assertThat(
            stream.documents(
                "{\"term\":{\"bianque.dropwatch.kernel_stack\":\"net_rx_action+0x29a\"}}"))
        .hasSize(10);
    JsonNode document =
        stream.documents("{\"term\":{\"bianque.dropwatch.sequence\":17}}").getFirst();
    assertThat(document.get("@timestamp").asText()).isEqualTo("2026-11-22T13:43:20.000000017Z");
    assertThat(document.at("/source/ip").asText()).isEqualTo("10.1.0.18");
    assertThat(document.at("/host/name").asText()).isEqualTo("node-7.example");
    assertThat(document.at("/bianque/event_id").asText()).isEqualTo("bianque.raw.dropwatch-1-4");
    assertThat(document.at("/bianque/dropwatch/kernel_stack/1").asText())
        .isEqualTo("tcp_v4_rcv+0x8d");
    assertThat(document.at("/data_stream/namespace").asText()).isEqualTo(topic.name());
    assertThat(document.at("/bianque/dropwatch").has("icmp_type"))
        .as("what the packet does not have is absent")
        .isFalse();
  }

  @Test
  void theMappingHasExactlyTheDerivedFields() throws Exception {
    EnrichedTopic topic = topic("mapping");
    RunningConnector connector = connector(topic, Map.of());
    topic.events(0, 10);
    connector.awaitAllCommitted();

    JsonNode template =
        JSON.readTree(
            Path.of("..", "deploy", "elasticsearch", "index-template-dropwatch.json").toFile());
    assertThat(stream(topic).mapping())
        .containsAllEntriesOf(DataStream.types(template.at("/template/mappings/properties")));
    // Another test adds a field of its own to the template.
    Map<String, String> more = new TreeMap<>(stream(topic).mapping());
    more.keySet()
        .removeAll(DataStream.types(template.at("/template/mappings/properties")).keySet());
    more.remove("bianque.dropwatch.added_later");
    assertThat(more).isEmpty();
  }

  @Test
  void deliveringEverythingAgainWritesNothingTwice() throws Exception {
    EnrichedTopic topic = topic("again");
    RunningConnector connector = connector(topic, Map.of());
    topic.events(0, 3_000);
    connector.awaitAllCommitted();

    connector.deliverAgain();

    assertThat(stream(topic).count()).isEqualTo(3_000);
  }

  @Test
  void deliveringEverythingAgainAfterARolloverWritesNothingTwice() throws Exception {
    EnrichedTopic topic = topic("rollover");
    RunningConnector connector = connector(topic, Map.of());
    topic.events(0, 3_000);
    connector.awaitAllCommitted();
    stream(topic).rollOver();
    topic.events(3_000, 1_000);
    connector.awaitAllCommitted();
    assertThat(stream(topic).indices()).isEqualTo(2);

    connector.deliverAgain();

    assertThat(stream(topic).count()).isEqualTo(4_000);
    assertThat(stream(topic).distinctIds()).isEqualTo(4_000);
  }

  @Test
  void aKilledSearchServerLosesNothing() throws Exception {
    EnrichedTopic topic = topic("killed");
    RunningConnector connector = connector(topic, Map.of("batch.documents", "100"));
    topic.events(0, 5_000);
    await().atMost(Duration.ofSeconds(30)).until(() -> stream(topic).count() > 500);

    components.kill(Component.SEARCH);
    topic.events(5_000, 5_000);
    // More than Connect's session timeout would allow a task that waits in one call.
    await().pollDelay(Duration.ofSeconds(12)).atMost(Duration.ofSeconds(20)).until(() -> true);
    assertThat(connector.status().at("/tasks/0/state").asText()).isEqualTo("RUNNING");
    components.start(Component.SEARCH);
    connector.awaitAllCommitted();

    assertThat(stream(topic).count()).isEqualTo(10_000);
    assertThat(stream(topic).distinctIds()).isEqualTo(10_000);
  }

  @Test
  void aKilledWorkerLosesNothingAndRepeatsNothing() throws Exception {
    EnrichedTopic topic = topic("worker");
    RunningConnector connector = connector(topic, Map.of("batch.documents", "100"));
    topic.events(0, 10_000);
    await().atMost(Duration.ofSeconds(30)).until(() -> stream(topic).count() > 500);

    components.kill(Component.CONNECT);
    stream(topic).rollOver();
    components.start(Component.CONNECT);
    connector.awaitRunning();
    connector.awaitAllCommitted();

    assertThat(stream(topic).count()).isEqualTo(10_000);
    assertThat(stream(topic).distinctIds()).isEqualTo(10_000);
  }

  @Test
  void poisonGoesToTheDeadLetterAndTheRestGoesOn() throws Exception {
    EnrichedTopic topic = topic("poison");
    RunningConnector connector = connector(topic, Map.of());
    byte[] garbage = {1, 2, 3};
    byte[] unknownSchema = {0, 0x7f, 0, 0, 1, 5};
    byte[] cut = java.util.Arrays.copyOf(topic.encoded(topic.event(1)), 40);
    GenericRecord badAddress = topic.event(2);
    badAddress.put("saddr", "no address");
    GenericRecord noId = topic.event(3);
    noId.put("event_id", "");
    List<byte[]> poison =
        new ArrayList<>(
            List.of(garbage, unknownSchema, cut, topic.encoded(badAddress), topic.encoded(noId)));

    topic.events(100, 500);
    poison.forEach(value -> topic.value(0, value));
    topic.value(0, null);
    topic.events(600, 500);
    connector.awaitAllCommitted();

    assertThat(stream(topic).count()).isEqualTo(1_000);
    List<DeadLetter> letters = deadLetters(topic);
    assertThat(letters)
        .extracting(DeadLetter::getReason)
        .containsExactlyInAnyOrder(
            "not-avro",
            "unknown-schema-id",
            "truncated",
            "document_parsing_exception",
            "bad-event-id",
            "no-value");
    assertThat(letters)
        .filteredOn(letter -> letter.getReason().equals("document_parsing_exception"))
        .first()
        .satisfies(letter -> {
          assertThat(letter.getDetail()).contains("source.ip").contains("no address");
          assertThat(letter.getValue()).isEqualTo(ByteBuffer.wrap(topic.encoded(badAddress)));
          assertThat(letter.getTopic()).isEqualTo(topic.name());
          assertThat(letter.getStage()).isEqualTo("search-sink");
        });
  }

  @Test
  void aRegistryThatIsAwayIsWaitedFor() throws Exception {
    EnrichedTopic topic = topic("registry");
    topic.events(0, 100);
    components.kill(Component.REGISTRY);
    RunningConnector connector = connector(topic, Map.of());
    await().pollDelay(Duration.ofSeconds(8)).until(() -> true);
    assertThat(connector.status().at("/tasks/0/state").asText()).isEqualTo("RUNNING");

    components.start(Component.REGISTRY);
    connector.awaitAllCommitted();

    assertThat(stream(topic).count()).isEqualTo(100);
  }

  @Test
  void aNewFieldIsMappedInTheIndexThatIsThere() throws Exception {
    EnrichedTopic topic = topic("newfield");
    RunningConnector connector = connector(topic, Map.of());
    topic.events(0, 10);
    connector.awaitAllCommitted();
    Schema wider = withField(EnrichedTopic.dropwatch(), "added_later");
    GenericRecord event = topic.fill(new GenericData.Record(wider), 10);
    event.put("added_later", "seen");

    topic.event(event);
    connector.awaitAllCommitted();

    assertThat(stream(topic).mapping()).containsEntry("bianque.dropwatch.added_later", "keyword");
    assertThat(stream(topic).documents("{\"term\":{\"bianque.dropwatch.added_later\":\"seen\"}}"))
        .hasSize(1);
  }

  @Test
  void wrongSettingsAreRefusedWithWhatIsAllowed() throws Exception {
    Http.Answer answer =
        Http.put(
            components.connect().resolve("/connector-plugins/SearchSinkConnector/config/validate"),
            """
            {"connector.class": "io.bianque.sinks.search.SearchSinkConnector", "name": "x", "topics": "x",
             "registry.url": "localhost", "namespace": "A-B", "search.username": "me", "batch.documents": "0",
             "search.truststore.path": "/none"}\
            """);

    Map<String, List<String>> errors = new TreeMap<>();
    for (JsonNode setting : JSON.readTree(answer.orFail("validate").body()).get("configs")) {
      List<String> messages = new ArrayList<>();
      setting.at("/value/errors").forEach(message -> messages.add(message.asText()));
      if (!messages.isEmpty()) {
        errors.put(setting.at("/value/name").asText(), messages);
      }
    }
    assertThat(errors.keySet())
        .containsExactlyInAnyOrder(
            "registry.url",
            "namespace",
            "search.url",
            "search.password",
            "batch.documents",
            "search.truststore.path");
    assertThat(errors.get("namespace").getFirst()).contains("lower-case letter");
    assertThat(errors.get("search.password").getFirst()).contains("go together");
  }

  private EnrichedTopic topic(String name) throws Exception {
    EnrichedTopic topic = new EnrichedTopic(components, "sinks." + name);
    opened.add(topic);
    return topic;
  }

  private RunningConnector connector(EnrichedTopic topic, Map<String, String> overrides)
      throws Exception {
    RunningConnector connector =
        RunningConnector.start(
            topic,
            "search.json",
            Map.of(
                "registry.url", components.registry().toString(),
                "search.url", components.search().toString(),
                "namespace", topic.name()),
            overrides);
    opened.add(connector);
    return connector;
  }

  private DataStream stream(EnrichedTopic topic) {
    return new DataStream(components.search(), "logs-bianque.dropwatch-" + topic.name());
  }

  private static Schema withField(Schema schema, String name) {
    Schema wider =
        Schema.createRecord(schema.getName(), schema.getDoc(), schema.getNamespace(), false);
    List<Schema.Field> fields = new ArrayList<>();
    schema.getFields().forEach(field -> fields.add(new Schema.Field(field, field.schema())));
    Schema optional = SchemaBuilder.unionOf().nullType().and().stringType().endUnion();
    fields.add(new Schema.Field(name, optional, null, Schema.Field.NULL_DEFAULT_VALUE));
    wider.setFields(fields);
    return wider;
  }

  private List<DeadLetter> deadLetters(EnrichedTopic topic) {
    AvroReader<DeadLetter> reader = AvroReader.specific(topic.registry(), DeadLetter.class);
    List<DeadLetter> letters = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", components.bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(topic.deadLetters(), 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
          letters.add(reader.read(record.value()));
        }
      }
    }
    return letters;
  }
}
