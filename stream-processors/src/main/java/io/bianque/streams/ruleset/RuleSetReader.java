package io.bianque.streams.ruleset;

import io.bianque.facts.RuleSet;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroReader;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/** Reads the topic of rule sets, from its beginning on. For one thread. */
final class RuleSetReader implements AutoCloseable {
  private static final TopicPartition TOPIC = new TopicPartition(Topics.RULES, 0);
  private static final Duration POLL = Duration.ofMillis(200);

  private final Cluster cluster;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final AvroReader<RuleSet> reader;
  private final RuleSets sets = new RuleSets();

  RuleSetReader(Cluster cluster) {
    this.cluster = cluster;
    // A log that ends before what was read is another one, and has to be read anew.
    this.consumer = cluster.consumer("none");
    this.reader = AvroReader.specific(cluster.registry(), RuleSet.class);
    consumer.assign(List.of(TOPIC));
    consumer.seekToBeginning(List.of(TOPIC));
  }

  /** Names of all topics. */
  Set<String> topics() {
    return consumer.listTopics().keySet();
  }

  /** What has been read so far. */
  RuleSets sets() {
    return sets;
  }

  /**
   * Reads what is there by now.
   *
   * @throws Cluster.Unavailable when the broker does not answer, or has no such topic
   */
  RuleSets readAll() {
    if (cluster.partitions(consumer, Topics.RULES).isEmpty()) {
      throw new Cluster.Unavailable(
          "there is no topic %s at %s: `bianque prepare` makes it"
              .formatted(Topics.RULES, cluster.bootstrapServers()),
          null);
    }
    try {
      long end = consumer.endOffsets(List.of(TOPIC)).get(TOPIC);
      readUpTo(end);
    } catch (TimeoutException e) {
      throw cluster.silent(e);
    }
    return sets;
  }

  /** Reads on until all before that offset has been read. */
  void readUpTo(long end) {
    long deadline = System.nanoTime() + Cluster.LIMIT.toNanos();
    while (consumer.position(TOPIC) < end) {
      if (more(POLL)) {
        deadline = System.nanoTime() + Cluster.LIMIT.toNanos();
      } else if (System.nanoTime() > deadline) {
        throw new TimeoutException(
            "nothing of " + Topics.RULES + " has come for " + Cluster.LIMIT.toSeconds() + " s");
      }
    }
  }

  /**
   * Waits for more; returns as soon as there is some.
   *
   * @throws io.bianque.schemas.registry.RegistryUnreachable when a schema has to be asked for and
   *     cannot be; what was read then is lost to this reader
   */
  boolean more(Duration most) {
    ConsumerRecords<byte[], byte[]> records = consumer.poll(most);
    for (ConsumerRecord<byte[], byte[]> each : records) {
      sets.add(each.key(), each.value(), reader::read);
    }
    return !records.isEmpty();
  }

  @Override
  public void close() {
    consumer.close();
  }
}
