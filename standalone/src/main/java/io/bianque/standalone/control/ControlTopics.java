package io.bianque.standalone.control;

import io.bianque.facts.ControlOutcome;
import io.bianque.facts.ControlRequest;
import io.bianque.facts.HostFacts;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.UnreadableRecord;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The control topic, its outcomes, and the hosts there are. For one thread. */
public final class ControlTopics {
  private static final Duration POLL = Duration.ofMillis(200);

  private final String bootstrapServers;
  private final RegistryClient registry;

  /**
   * @param registry base of its Confluent API
   */
  public ControlTopics(String bootstrapServers, URI registry) {
    this.bootstrapServers = bootstrapServers;
    this.registry = new RegistryClient(registry);
  }

  /** The control topic cannot be used; says why. */
  public static final class ControlUnavailable extends RuntimeException {
    private static final long serialVersionUID = 1;

    ControlUnavailable(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** Writes a request; returns when the broker has it. */
  public void send(ControlRequest request) throws InterruptedException {
    OptionalInt id =
        registry.lookup(Topics.subject(Topics.CONTROL), ControlRequest.getClassSchema());
    if (id.isEmpty()) {
      throw new ControlUnavailable(
          "the registry does not have the schema of %s: ./bianque prepare registers it"
              .formatted(Topics.CONTROL),
          null);
    }
    AvroWriter<ControlRequest> writer = AvroWriter.specific(id.getAsInt(), ControlRequest.class);
    write(Map.of(request.getRequestId(), writer.write(request)));
  }

  /** Takes requests out of the topic; agents end those that hold. */
  public void withdraw(List<String> ids) throws InterruptedException {
    Map<String, byte[]> tombstones = new LinkedHashMap<>();
    ids.forEach(id -> tombstones.put(id, null));
    write(tombstones);
  }

  private void write(Map<String, byte[]> values) throws InterruptedException {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                bootstrapServers,
                ProducerConfig.COMPRESSION_TYPE_CONFIG,
                "zstd",
                ProducerConfig.MAX_BLOCK_MS_CONFIG,
                10_000),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (Map.Entry<String, byte[]> each : values.entrySet()) {
        producer
            .send(
                new ProducerRecord<>(
                    Topics.CONTROL,
                    each.getKey().getBytes(StandardCharsets.UTF_8),
                    each.getValue()))
            .get();
      }
    } catch (ExecutionException e) {
      throw new ControlUnavailable(
          "%s cannot be written at %s: %s"
              .formatted(Topics.CONTROL, bootstrapServers, e.getCause().getMessage()),
          e);
    }
  }

  /** Requests that were not withdrawn, whether their time is over or not, by id. */
  public Map<String, ControlRequest> requests() {
    return latest(Topics.CONTROL, ControlRequest.class);
  }

  /** The last facts of each host, by id. */
  public Map<String, HostFacts> hosts() {
    return latest(Topics.HOSTS, HostFacts.class);
  }

  private <T extends SpecificRecord> Map<String, T> latest(String topic, Class<T> type) {
    AvroReader<T> reader = AvroReader.specific(registry, type);
    Map<String, T> latest = new LinkedHashMap<>();
    try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
      List<TopicPartition> partitions = partitions(consumer, topic);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
        for (ConsumerRecord<byte[], byte[]> each : consumer.poll(POLL)) {
          keep(each, reader, latest);
        }
      }
    }
    return latest;
  }

  private static <T extends SpecificRecord> void keep(
      ConsumerRecord<byte[], byte[]> record, AvroReader<T> reader, Map<String, T> latest) {
    if (record.key() == null) {
      return;
    }
    String key = new String(record.key(), StandardCharsets.UTF_8);
    var _ = latest.remove(key);
    if (record.value() != null) {
      try {
        latest.put(key, reader.read(record.value()));
      } catch (UnreadableRecord notOurs) {
        // Agents count it; here it is no request, and no host.
      }
    }
  }

  /** Follows outcomes from this moment on. */
  public Outcomes outcomes() {
    KafkaConsumer<byte[], byte[]> consumer = consumer();
    List<TopicPartition> partitions = partitions(consumer, Topics.CONTROL_OUTCOMES);
    consumer.assign(partitions);
    consumer.seekToEnd(partitions);
    // The end is looked for only when it is needed, and that would be after the request.
    partitions.forEach(consumer::position);
    return new Outcomes(consumer, AvroReader.specific(registry, ControlOutcome.class));
  }

  /** Outcomes as they come. */
  public static final class Outcomes implements AutoCloseable {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final AvroReader<ControlOutcome> reader;

    private Outcomes(KafkaConsumer<byte[], byte[]> consumer, AvroReader<ControlOutcome> reader) {
      this.consumer = consumer;
      this.reader = reader;
    }

    /** Those that came since the last call; waits a little for one. */
    public List<ControlOutcome> next() {
      List<ControlOutcome> found = new ArrayList<>();
      for (ConsumerRecord<byte[], byte[]> each : consumer.poll(POLL)) {
        try {
          found.add(reader.read(each.value()));
        } catch (UnreadableRecord notOurs) {
          // Of no use to a person who waits for an answer.
        }
      }
      return found;
    }

    @Override
    public void close() {
      consumer.close();
    }
  }

  private List<TopicPartition> partitions(KafkaConsumer<byte[], byte[]> consumer, String topic) {
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic).stream()
            .map(each -> new TopicPartition(topic, each.partition()))
            .toList();
    if (partitions.isEmpty()) {
      throw new ControlUnavailable(
          "the broker at %s has no topic %s: ./bianque prepare makes it"
              .formatted(bootstrapServers, topic),
          null);
    }
    return partitions;
  }

  private KafkaConsumer<byte[], byte[]> consumer() {
    return new KafkaConsumer<>(
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers,
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false",
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
            ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, "10000",
            ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false"),
        new ByteArrayDeserializer(),
        new ByteArrayDeserializer());
  }
}
