package io.bianque.streams.ruleset;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.UnreadableRecord;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;

/**
 * Events of a time that has passed, as they were decided. For one thread, but for {@link #stop}.
 */
public final class History implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(200);

  /** Nothing coming for so long, though there is more, is a broker that went away. */
  private static final Duration SILENCE = Duration.ofSeconds(30);

  private final Cluster cluster;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final AvroReader<GenericRecord> reader;
  private long unreadable;

  public History(Cluster cluster) {
    this.cluster = cluster;
    // What has gone with time meanwhile has gone.
    this.consumer = cluster.consumer("earliest");
    this.reader = AvroReader.generic(cluster.registry());
  }

  /** Ends {@link #visit} from another thread: it throws Kafka's {@link WakeupException}. */
  public void stop() {
    consumer.wakeup();
  }

  /**
   * Lets a trial see every event of these probes with a time from {@code from} to before {@code
   * to}, or all that are there by now: what comes meanwhile is left out.
   *
   * <p>A partition is read to its end, whatever {@code to} says: clocks of hosts differ, so an
   * event of that time may stand behind later ones.
   *
   * @param progress takes how many records have been read, and of how many
   * @throws Cluster.Unavailable when the broker does not answer, or has no topic of a probe's
   */
  public void visit(
      List<String> probes,
      Instant from,
      Optional<Instant> to,
      Trial trial,
      BiConsumer<Long, Long> progress) {
    try {
      Map<TopicPartition, String> probeOf = new HashMap<>();
      for (String probe : probes) {
        for (String topic : List.of(Topics.enriched(probe), Topics.ignored(probe))) {
          List<TopicPartition> partitions = cluster.partitions(consumer, topic);
          if (partitions.isEmpty()) {
            throw new Cluster.Unavailable(
                "there is no topic %s at %s: `bianque prepare` makes it"
                    .formatted(topic, cluster.bootstrapServers()),
                null);
          }
          partitions.forEach(each -> probeOf.put(each, probe));
        }
      }
      read(probeOf, from, to, trial, progress);
    } catch (TimeoutException e) {
      throw cluster.silent(e);
    }
  }

  private void read(
      Map<TopicPartition, String> probeOf,
      Instant from,
      Optional<Instant> to,
      Trial trial,
      BiConsumer<Long, Long> progress) {
    List<TopicPartition> open = new ArrayList<>(probeOf.keySet());
    Map<TopicPartition, Long> ends = consumer.endOffsets(open);
    Map<TopicPartition, Long> asked = new HashMap<>();
    open.forEach(each -> asked.put(each, from.toEpochMilli()));
    Map<TopicPartition, OffsetAndTimestamp> begins = consumer.offsetsForTimes(asked);
    // No record of that time or later: nothing to read.
    open.removeIf(each -> {
      OffsetAndTimestamp begin = begins.get(each);
      return begin == null || begin.offset() >= ends.get(each);
    });
    consumer.assign(open);
    open.forEach(each -> consumer.seek(each, begins.get(each).offset()));
    long total = open.stream().mapToLong(each -> ends.get(each) - begins.get(each).offset()).sum();
    long before = to.map(Instant::toEpochMilli).orElse(Long.MAX_VALUE);
    long last = System.nanoTime();
    while (!open.isEmpty()) {
      long left = 0;
      for (ConsumerRecord<byte[], byte[]> each : consumer.poll(POLL)) {
        last = System.nanoTime();
        TopicPartition partition = new TopicPartition(each.topic(), each.partition());
        if (each.offset() < ends.get(partition)
            && each.timestamp() >= from.toEpochMilli()
            && each.timestamp() < before) {
          event(probeOf.get(partition), each, trial);
        }
      }
      List<TopicPartition> done =
          open.stream().filter(each -> consumer.position(each) >= ends.get(each)).toList();
      consumer.pause(done);
      open.removeAll(done);
      for (TopicPartition each : open) {
        left += ends.get(each) - consumer.position(each);
      }
      progress.accept(total - left, total);
      if (!open.isEmpty() && System.nanoTime() - last > SILENCE.toNanos()) {
        throw new TimeoutException("nothing has come for " + SILENCE.toSeconds() + " s");
      }
    }
  }

  private void event(String probe, ConsumerRecord<byte[], byte[]> record, Trial trial) {
    GenericRecord event;
    try {
      event = reader.read(record.value());
    } catch (UnreadableRecord e) {
      unreadable++;
      return;
    }
    Header rule = record.headers().lastHeader(Topics.RULE_HEADER);
    trial.add(
        probe,
        event,
        record.topic().equals(Topics.ignored(probe))
            ? Optional.of(
                rule == null ? "(not named)" : new String(rule.value(), StandardCharsets.UTF_8))
            : Optional.empty());
  }

  /** Records that could not be read, and are in no count. */
  public long unreadable() {
    return unreadable;
  }

  @Override
  public void close() {
    consumer.close();
  }
}
