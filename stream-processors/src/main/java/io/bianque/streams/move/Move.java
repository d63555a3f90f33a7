package io.bianque.streams.move;

import io.bianque.streams.config.Settings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Copies changelogs and committed offsets from one application to another. Both are named by
 * application, store and topic, and by nothing of the topology around them.
 *
 * <p>Offsets come last, so an application that has them has its state too. Until all have them it
 * can be done again: those that have what they were to get are left as they are.
 */
public final class Move implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(200);

  /** For the transactions of what was killed; Kafka Streams' time out after 10 s. */
  private static final Duration OPEN_TRANSACTIONS = Duration.ofMinutes(1);

  private static final Duration DELETION = Duration.ofSeconds(30);

  private final Map<String, Object> properties = new HashMap<>();
  private final Consumer<String> say;
  private final Admin admin;

  /**
   * What an application keeps and reads.
   *
   * @param reads which topics
   */
  public record Application(String id, Set<String> stores, Predicate<String> reads) {
    private String changelog(String store) {
      return id + "-" + store + "-changelog";
    }

    /** Those of what it reads. */
    private Map<TopicPartition, OffsetAndMetadata> offsets(
        Map<TopicPartition, OffsetAndMetadata> all) {
      Map<TopicPartition, OffsetAndMetadata> read = new HashMap<>(all);
      read.keySet().removeIf(partition -> !reads.test(partition.topic()));
      return read;
    }
  }

  /** It cannot be done; the message says what to do. */
  public static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1;

    Refused(String message) {
      super(message);
    }
  }

  /** Connects to the brokers of that configuration. */
  public Move(Settings settings, Consumer<String> say) {
    properties.putAll(settings.kafka());
    properties.put("bootstrap.servers", settings.bootstrapServers());
    this.say = say;
    this.admin = Admin.create(properties);
  }

  /**
   * Moves what the first ones have done to the others.
   *
   * @throws Refused when one of them runs, has nothing to move, or has begun already
   */
  public void run(List<Application> from, List<Application> to) throws InterruptedException {
    Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
    for (Application source : from) {
      requireStopped(source.id());
      Map<TopicPartition, OffsetAndMetadata> offsets = committed(source.id());
      if (offsets.isEmpty()) {
        throw new Refused(
            "application %s has done nothing: is application_id right?".formatted(source.id()));
      }
      done.putAll(offsets);
    }
    List<Application> fresh = new ArrayList<>();
    for (Application target : to) {
      requireStopped(target.id());
      Map<TopicPartition, OffsetAndMetadata> offsets = committed(target.id());
      if (offsets.isEmpty()) {
        fresh.add(target);
      } else if (offsets.equals(target.offsets(done))) {
        say.accept("%s: has got all of it by an earlier attempt".formatted(target.id()));
      } else {
        throw new Refused(
            "application %s has begun already: it has offsets of its own".formatted(target.id()));
      }
    }
    for (Application target : fresh) {
      for (Application source : from) {
        for (String store : target.stores()) {
          if (source.stores().contains(store)) {
            copy(source.changelog(store), target.changelog(store));
          }
        }
      }
    }
    for (Application target : fresh) {
      Map<TopicPartition, OffsetAndMetadata> offsets = target.offsets(done);
      get(admin.alterConsumerGroupOffsets(target.id(), offsets).all());
      say.accept(
          "%s: begins behind what was done, in %d partitions"
              .formatted(target.id(), offsets.size()));
    }
  }

  private void requireStopped(String application) {
    try {
      ConsumerGroupDescription group =
          get(
              admin
                  .describeConsumerGroups(List.of(application))
                  .describedGroups()
                  .get(application));
      if (!group.members().isEmpty()) {
        throw new Refused(
            "application %s runs, in %d threads: stop all its processes first"
                .formatted(application, group.members().size()));
      }
    } catch (GroupIdNotFoundException neverRan) {
      // Nor does it run now.
    }
  }

  private Map<TopicPartition, OffsetAndMetadata> committed(String application) {
    Map<TopicPartition, OffsetAndMetadata> offsets =
        get(
            admin
                .listConsumerGroupOffsets(
                    Map.of(application, new ListConsumerGroupOffsetsSpec()),
                    new ListConsumerGroupOffsetsOptions().requireStable(true))
                .partitionsToOffsetAndMetadata(application));
    return offsets.entrySet().stream()
        .filter(each -> each.getValue() != null)
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  private void copy(String from, String to) throws InterruptedException {
    TopicDescription topic;
    try {
      topic = get(admin.describeTopics(List.of(from)).allTopicNames()).get(from);
    } catch (UnknownTopicOrPartitionException nothingKept) {
      return;
    }
    create(topic, to);
    List<TopicPartition> partitions =
        topic.partitions().stream().map(p -> new TopicPartition(from, p.partition())).toList();
    awaitTransactions(partitions);
    long records = 0;
    try (KafkaConsumer<byte[], byte[]> consumer = consumer();
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      List<Future<?>> sent = new ArrayList<>();
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          sent.add(
              producer.send(
                  new ProducerRecord<>(
                      to,
                      record.partition(),
                      record.timestamp(),
                      record.key(),
                      record.value(),
                      record.headers())));
        }
        for (var each : sent) {
          get(each);
        }
        records += sent.size();
        sent.clear();
      }
    }
    say.accept("%s: %,d records of %s".formatted(to, records, from));
  }

  /** Empty, and like the other one. */
  private void create(TopicDescription like, String name) throws InterruptedException {
    delete(name);
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, like.name());
    Map<String, String> config =
        get(admin.describeConfigs(List.of(resource)).all()).get(resource).entries().stream()
            .filter(e -> e.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
            .collect(Collectors.toMap(ConfigEntry::name, ConfigEntry::value));
    int replicas = like.partitions().getFirst().replicas().size();
    get(
        admin
            .createTopics(
                List.of(
                    new NewTopic(name, like.partitions().size(), (short) replicas).configs(config)))
            .all());
  }

  /** What an earlier attempt left: an application that has not begun has no state. */
  private void delete(String topic) throws InterruptedException {
    long until = System.nanoTime() + DELETION.toNanos();
    while (get(admin.listTopics().names()).contains(topic)) {
      if (System.nanoTime() > until) {
        throw new Refused("topic " + topic + " of an earlier attempt cannot be deleted");
      }
      try {
        get(admin.deleteTopics(List.of(topic)).all());
      } catch (UnknownTopicOrPartitionException gone) {
        // It takes a moment until it is not listed any more.
      }
      Thread.sleep(POLL.toMillis());
    }
  }

  private void awaitTransactions(List<TopicPartition> partitions) throws InterruptedException {
    long until = System.nanoTime() + OPEN_TRANSACTIONS.toNanos();
    Map<TopicPartition, OffsetSpec> latest =
        partitions.stream().collect(Collectors.toMap(p -> p, p -> OffsetSpec.latest()));
    try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
      while (true) {
        Map<TopicPartition, Long> stable = consumer.endOffsets(partitions);
        var ends = get(admin.listOffsets(latest).all());
        if (partitions.stream().allMatch(p -> stable.get(p) == ends.get(p).offset())) {
          return;
        }
        if (System.nanoTime() > until) {
          throw new Refused(
              "a transaction in %s does not end: does something still run?"
                  .formatted(partitions.getFirst().topic()));
        }
        Thread.sleep(POLL.toMillis());
      }
    }
  }

  private KafkaConsumer<byte[], byte[]> consumer() {
    Map<String, Object> committed = new HashMap<>(properties);
    committed.put("isolation.level", "read_committed");
    return new KafkaConsumer<>(committed, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause
          ? cause
          : new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refused("interrupted; it can be done again");
    }
  }

  @Override
  public void close() {
    admin.close(Duration.ofSeconds(2));
  }
}
