package io.bianque.streams.ruleset;

import io.bianque.facts.RuleSet;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.streams.ruleset.RuleSets.Version;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;

/** The topic of rule sets, for who looks at it and adds to it. For one thread. */
public final class RuleSetTopic implements AutoCloseable {
  private final Cluster cluster;
  private final RuleSetReader reader;

  public RuleSetTopic(Cluster cluster) {
    this.cluster = cluster;
    this.reader = new RuleSetReader(cluster);
  }

  /** What became of a set that was applied. */
  public sealed interface Outcome {
    /** It is the active version. */
    record Applied(int version) implements Outcome {}

    /** Somebody else was first with that number. */
    record Overtaken(Version by) implements Outcome {}
  }

  /** All that has been applied by now. */
  public RuleSets read() {
    return reader.readAll();
  }

  /** Names of all topics, for rules that route. */
  public Set<String> topics() {
    return reader.topics();
  }

  /** Adds a version, and reads in the log whether it is one; its number says what it replaces. */
  public Outcome apply(RuleSet set) throws InterruptedException {
    OptionalInt id =
        cluster.registry().lookup(Topics.subject(Topics.RULES), RuleSet.getClassSchema());
    if (id.isEmpty()) {
      throw new Cluster.Unavailable(
          "the registry does not have the schema of %s: `bianque prepare` registers it"
              .formatted(Topics.RULES),
          null);
    }
    String key = RuleSets.key(set.getVersion(), UUID.randomUUID().toString());
    byte[] value = AvroWriter.specific(id.getAsInt(), RuleSet.class).write(set);
    long offset = send(key, value);
    try {
      reader.readUpTo(offset + 1);
    } catch (TimeoutException e) {
      throw unknown(e);
    }
    RuleSets sets = reader.sets();
    return sets.isOf(set.getVersion(), key)
        ? new Outcome.Applied(set.getVersion())
        : new Outcome.Overtaken(sets.version(set.getVersion()).or(sets::active).orElseThrow());
  }

  private long send(String key, byte[] value) throws InterruptedException {
    try (KafkaProducer<byte[], byte[]> producer = cluster.producer()) {
      return producer
          .send(new ProducerRecord<>(Topics.RULES, key.getBytes(StandardCharsets.UTF_8), value))
          .get()
          .offset();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TimeoutException late) {
        throw unknown(late);
      }
      throw new KafkaException(
          "%s cannot be written at %s: %s"
              .formatted(Topics.RULES, cluster.bootstrapServers(), e.getCause().getMessage()),
          e);
    }
  }

  private Cluster.Unavailable unknown(TimeoutException e) {
    return new Cluster.Unavailable(
        "the broker at %s does not answer any more; whether it was applied, `bianque rules list` says: %s"
            .formatted(cluster.bootstrapServers(), e.getMessage()),
        e);
  }

  @Override
  public void close() {
    reader.close();
  }
}
