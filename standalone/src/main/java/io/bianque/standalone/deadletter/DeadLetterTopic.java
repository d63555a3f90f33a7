package io.bianque.standalone.deadletter;

import io.bianque.facts.DeadLetter;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.Retry;
import io.bianque.schemas.wire.UnreadableRecord;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The topic of dead letters, as of the moment it is asked. For one thread. */
public final class DeadLetterTopic implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final AvroReader<DeadLetter> letters;
  private final AvroReader<GenericRecord> records;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Map<String, Object> producerProperties;
  private KafkaProducer<byte[], byte[]> producer;

  /**
   * One dead letter.
   *
   * @param id where it stands in the topic of dead letters, as {@code <partition>@<offset>}
   */
  public record Letter(String id, DeadLetter content) {}

  /**
   * @param registry base of its Confluent API
   */
  public DeadLetterTopic(String bootstrapServers, URI registry) {
    RegistryClient schemas = new RegistryClient(registry);
    this.letters = AvroReader.specific(schemas, DeadLetter.class);
    this.records = AvroReader.generic(schemas);
    this.producerProperties =
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
            bootstrapServers,
            ProducerConfig.COMPRESSION_TYPE_CONFIG,
            "zstd",
            ProducerConfig.MAX_BLOCK_MS_CONFIG,
            (int) LIMIT.toMillis());
    this.consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers,
                ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
                ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false",
                ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false",
                ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) LIMIT.toMillis()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
  }

  /** Every letter with a record of that time or later, in the order of the topic's partitions. */
  public void visit(Instant since, Consumer<Letter> visitor) {
    List<TopicPartition> partitions =
        consumer.partitionsFor(Topics.DEAD_LETTER).stream()
            .map(each -> new TopicPartition(each.topic(), each.partition()))
            .toList();
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    consumer.assign(partitions);
    seek(partitions, since, ends);
    while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
      for (ConsumerRecord<byte[], byte[]> each : consumer.poll(POLL)) {
        if (each.offset() < ends.get(new TopicPartition(each.topic(), each.partition()))) {
          letter(each)
              .filter(letter -> !letter.content().getTimestamp().isBefore(since))
              .ifPresent(visitor);
        }
      }
    }
  }

  private void seek(
      List<TopicPartition> partitions, Instant since, Map<TopicPartition, Long> ends) {
    Map<TopicPartition, Long> asked = new HashMap<>();
    partitions.forEach(each -> asked.put(each, since.toEpochMilli()));
    Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(asked);
    for (TopicPartition each : partitions) {
      OffsetAndTimestamp first = found.get(each);
      consumer.seek(each, first == null ? ends.get(each) : first.offset());
    }
  }

  /** The letter of that id; empty when there is none, or it has gone with time. */
  public Optional<Letter> find(int partition, long offset) {
    TopicPartition at = new TopicPartition(Topics.DEAD_LETTER, partition);
    if (consumer.partitionsFor(Topics.DEAD_LETTER).stream()
        .noneMatch(each -> each.partition() == partition)) {
      return Optional.empty();
    }
    long end = consumer.endOffsets(List.of(at)).get(at);
    long begin = consumer.beginningOffsets(List.of(at)).get(at);
    if (offset < begin || offset >= end) {
      return Optional.empty();
    }
    consumer.assign(List.of(at));
    consumer.seek(at, offset);
    while (consumer.position(at) <= offset) {
      for (ConsumerRecord<byte[], byte[]> each : consumer.poll(POLL)) {
        if (each.offset() == offset) {
          return letter(each);
        }
      }
    }
    return Optional.empty(); // the mark of a transaction
  }

  private Optional<Letter> letter(ConsumerRecord<byte[], byte[]> record) {
    if (record.value() == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Letter(record.partition() + "@" + record.offset(), letters.read(record.value())));
    } catch (UnreadableRecord notOurs) {
      return Optional.empty(); // written by somebody who has no business here
    }
  }

  /**
   * The record in a letter, if it can be read now.
   *
   * @throws UnreadableRecord when it cannot
   */
  public GenericRecord record(Letter letter) {
    return records.read(bytes(letter.content().getValue()));
  }

  /**
   * Sends the record in a letter to the topic and partition that it came from, as it was; returns
   * when the broker has it.
   *
   * @return its offset there
   */
  public long retry(Letter letter) throws InterruptedException {
    if (producer == null) {
      producer =
          new KafkaProducer<>(
              producerProperties, new ByteArraySerializer(), new ByteArraySerializer());
    }
    DeadLetter content = letter.content();
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(
            content.getTopic(),
            content.getPartition(),
            content.getTimestamp().toEpochMilli(),
            bytes(content.getKey()),
            bytes(content.getValue()));
    record
        .headers()
        .add(
            Retry.OFFSET_HEADER,
            Long.toString(content.getOffset()).getBytes(StandardCharsets.UTF_8));
    try {
      return producer.send(record).get().offset();
    } catch (ExecutionException e) {
      throw new KafkaException(
          "%s cannot be sent to %s-%d: %s"
              .formatted(
                  letter.id(),
                  content.getTopic(),
                  content.getPartition(),
                  e.getCause().getMessage()),
          e);
    }
  }

  /** A copy; null of null. */
  public static byte[] bytes(ByteBuffer buffer) {
    if (buffer == null) {
      return null;
    }
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  @Override
  public void close() {
    consumer.close();
    if (producer != null) {
      producer.close(LIMIT);
    }
  }
}
