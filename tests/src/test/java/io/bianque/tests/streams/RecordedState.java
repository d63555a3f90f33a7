package io.bianque.tests.streams;

import static java.util.stream.Collectors.toMap;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.tests.components.Components;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.apache.avro.Schema;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What a version of the stream tier left in Kafka when it stopped: all topics, those that hold its
 * stores among them, the positions that it had committed, and the schemas of the records. A file is
 * JSON, zipped.
 *
 * @param application the tier's application id
 */
record RecordedState(
    String application,
    List<Registered> schemas,
    List<Log> logs,
    List<Entry> records,
    List<Position> positions) {
  private static final ObjectMapper JSON = new ObjectMapper();

  record Registered(int id, String subject, String schema) {}

  record Log(String topic, int partitions, Map<String, String> config) {}

  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  record Entry(String topic, int partition, long timestampMs, byte[] key, byte[] value) {
    private OptionalInt schemaId() {
      // Changelogs hold other bytes; the schemas in them are those of the other topics.
      return topic.startsWith("bianque.") && value != null
          ? OptionalInt.of(ByteBuffer.wrap(value, 1, 4).getInt())
          : OptionalInt.empty();
    }

    private Entry translated(Map<String, String> values) {
      if (value == null) {
        return this;
      }
      String found = text(value);
      for (Map.Entry<String, String> each : values.entrySet()) {
        found = found.replace(each.getKey(), each.getValue());
      }
      return new Entry(
          topic, partition, timestampMs, key, found.getBytes(StandardCharsets.ISO_8859_1));
    }
  }

  /**
   * A committed position.
   *
   * @param offset where there are no marks of transactions: records that lie before it
   */
  record Position(String topic, int partition, long offset, String metadata) {}

  static RecordedState read(Path file) throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      return JSON.readValue(in, RecordedState.class);
    }
  }

  void write(Path file) throws IOException {
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      JSON.writeValue(out, this);
    }
  }

  boolean holds(String topic) {
    return logs.stream().anyMatch(log -> log.topic().equals(topic));
  }

  /** Of a tier that has stopped; the servers have served nobody else. */
  static RecordedState of(Components components, String application) throws Exception {
    List<Log> logs = new ArrayList<>();
    List<Entry> records = new ArrayList<>();
    List<Position> positions = new ArrayList<>();
    try (Admin admin = Admin.create(client(components))) {
      Map<TopicPartition, OffsetAndMetadata> committed =
          admin.listConsumerGroupOffsets(application).partitionsToOffsetAndMetadata().get();
      for (String topic : new TreeSet<>(admin.listTopics().names().get())) {
        List<ConsumerRecord<byte[], byte[]>> all = all(components, topic);
        if (!all.isEmpty()) {
          logs.add(log(admin, topic));
        }
        all.forEach(r ->
            records.add(new Entry(r.topic(), r.partition(), r.timestamp(), r.key(), r.value())));
        committed.forEach((partition, position) -> {
          if (partition.topic().equals(topic)) {
            long before =
                all.stream()
                    .filter(r -> r.partition() == partition.partition())
                    .filter(r -> r.offset() < position.offset())
                    .count();
            positions.add(new Position(topic, partition.partition(), before, position.metadata()));
          }
        });
      }
    }
    return new RecordedState(
        application, schemas(registry(components), records), logs, records, positions);
  }

  private static Map<String, Object> client(Components components) {
    return Map.of(
        "bootstrap.servers",
        components.bootstrapServers(),
        "isolation.level",
        "read_committed",
        "linger.ms",
        20);
  }

  private static RegistryClient registry(Components components) {
    return new RegistryClient(URI.create(components.registry().toString().replaceAll("/$", "")));
  }

  /** All that is committed in a topic. */
  static List<ConsumerRecord<byte[], byte[]>> all(Components components, String topic) {
    List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            client(components), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(p -> new TopicPartition(topic, p.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        consumer.poll(Duration.ofMillis(200)).forEach(all::add);
      }
    }
    return all;
  }

  /** With what was said of it when it was made. */
  private static Log log(Admin admin, String topic) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    return new Log(
        topic,
        admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size(),
        admin.describeConfigs(List.of(resource)).all().get().get(resource).entries().stream()
            .filter(e -> e.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
            .collect(toMap(ConfigEntry::name, ConfigEntry::value)));
  }

  /** Those that the records were written with. */
  private static List<Registered> schemas(RegistryClient registry, List<Entry> records) {
    Map<Integer, String> subjects = new HashMap<>();
    Catalogue catalogue = Catalogue.load();
    for (Topic topic : catalogue.topics()) {
      registry
          .lookup(topic.subject(), catalogue.schema(topic))
          .ifPresent(id -> subjects.put(id, topic.subject()));
    }
    Map<Integer, Registered> used = new TreeMap<>();
    for (Entry record : records) {
      record
          .schemaId()
          .ifPresent(id ->
              used.computeIfAbsent(
                  id, i -> new Registered(i, subjects.get(i), registry.schema(i).toString())));
    }
    return List.copyOf(used.values());
  }

  /** Puts it into servers that hold no events yet: offsets of events are in the state. */
  void restore(Components components) throws Exception {
    List<Entry> translated = translated(registry(components));
    try (Admin admin = Admin.create(client(components))) {
      Set<String> there = admin.listTopics().names().get();
      admin
          .createTopics(
              logs.stream()
                  .filter(log -> !there.contains(log.topic()))
                  .map(log ->
                      new NewTopic(log.topic(), log.partitions(), (short) 1).configs(log.config()))
                  .toList())
          .all()
          .get();
      // The records are old, and must not be deleted for it.
      AlterConfigOp keep =
          new AlterConfigOp(new ConfigEntry("retention.ms", "-1"), AlterConfigOp.OpType.SET);
      admin
          .incrementalAlterConfigs(
              logs.stream()
                  .collect(
                      toMap(
                          log -> new ConfigResource(ConfigResource.Type.TOPIC, log.topic()),
                          log -> List.of(keep))))
          .all()
          .get();
      try (KafkaProducer<byte[], byte[]> producer =
          new KafkaProducer<>(
              client(components), new ByteArraySerializer(), new ByteArraySerializer())) {
        for (Entry r : translated) {
          var _ =
              producer.send(
                  new ProducerRecord<>(
                      r.topic(), r.partition(), r.timestampMs(), r.key(), r.value()));
        }
      }
      admin
          .alterConsumerGroupOffsets(
              application,
              positions.stream()
                  .collect(
                      toMap(
                          p -> new TopicPartition(p.topic(), p.partition()),
                          p -> new OffsetAndMetadata(p.offset(), p.metadata()))))
          .all()
          .get();
    }
  }

  /**
   * With the ids that the schemas have in that registry: in the records of topics, and where stores
   * hold these, byte for byte.
   */
  private List<Entry> translated(RegistryClient registry) {
    Map<Integer, Integer> ids = new HashMap<>();
    for (Registered each : schemas) {
      Schema schema = new Schema.Parser().parse(each.schema());
      ids.put(each.id(), registry.lookup(each.subject(), schema).orElseThrow());
    }
    Map<String, String> values = new HashMap<>();
    for (Entry record : records) {
      record
          .schemaId()
          .ifPresent(id -> {
            byte[] value = record.value().clone();
            ByteBuffer.wrap(value).putInt(1, ids.get(id));
            values.put(text(record.value()), text(value));
          });
    }
    return records.stream().map(record -> record.translated(values)).toList();
  }

  /** A character for each byte. */
  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }
}
