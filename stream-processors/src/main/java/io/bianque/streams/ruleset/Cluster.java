package io.bianque.streams.ruleset;

import io.bianque.schemas.registry.RegistryClient;
import io.bianque.streams.config.Settings;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The brokers and the registry, as the stream tier's configuration has them. Thread-safe.
 *
 * @param kafka settings of Kafka's own
 */
public record Cluster(String bootstrapServers, Map<String, String> kafka, RegistryClient registry) {
  /** How long an answer may take, for somebody who waits for it. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  public static Cluster of(Settings settings) {
    return new Cluster(
        settings.bootstrapServers(), settings.kafka(), new RegistryClient(settings.registryUrl()));
  }

  /** It cannot be used, or lacks something; the message says what to do. */
  public static final class Unavailable extends RuntimeException {
    private static final long serialVersionUID = 1;

    Unavailable(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * A reader of what is committed, that belongs to no group.
   *
   * @param offsetReset what it does where its place is not there any more, in Kafka's words
   */
  KafkaConsumer<byte[], byte[]> consumer(String offsetReset) {
    Map<String, Object> properties = properties();
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, offsetReset);
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
    properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");
    properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) LIMIT.toMillis());
    return new KafkaConsumer<>(
        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  KafkaProducer<byte[], byte[]> producer() {
    Map<String, Object> properties = properties();
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "zstd");
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, (int) LIMIT.toMillis());
    properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) LIMIT.toMillis());
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 2 * (int) LIMIT.toMillis());
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private Map<String, Object> properties() {
    Map<String, Object> properties = new HashMap<>(kafka);
    properties.put("bootstrap.servers", bootstrapServers);
    return properties;
  }

  /**
   * Partitions of a topic; none when it is not there.
   *
   * @throws Unavailable when the broker does not answer
   */
  List<TopicPartition> partitions(KafkaConsumer<byte[], byte[]> consumer, String topic) {
    try {
      List<PartitionInfo> found = consumer.partitionsFor(topic);
      return found == null
          ? List.of()
          : found.stream().map(each -> new TopicPartition(topic, each.partition())).toList();
    } catch (TimeoutException e) {
      throw silent(e);
    }
  }

  Unavailable silent(TimeoutException e) {
    return new Unavailable(
        "the broker at %s does not answer: %s".formatted(bootstrapServers, e.getMessage()), e);
  }
}
