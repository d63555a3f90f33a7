package io.bianque.sinks.event;

import io.bianque.facts.DeadLetter;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.schemas.wire.AvroWriter;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Gives up on records, through Connect's own dead-letter queue: its producer, its rights, and its
 * promise that offsets are not committed before the letter is written.
 *
 * <p>The letter is a {@link DeadLetter} with the original bytes, as the stream tier writes them, so
 * that the topic has one form. Connect would send the record itself as it came; it sends ours
 * because it is handed a new record. The task's thread.
 */
public final class DeadLetters {
  private final ErrantRecordReporter reporter;
  private final RegistryClient registry;
  private final String stage;
  private AvroWriter<DeadLetter> writer;
  private final List<Future<Void>> underWay = new ArrayList<>();

  /**
   * The way to the dead-letter topic.
   *
   * @param reporter Connect's, or null where the connector has no dead-letter queue: then a record
   *     given up stops the task
   * @param stage who gives up
   */
  public DeadLetters(ErrantRecordReporter reporter, RegistryClient registry, String stage) {
    this.reporter = reporter;
    this.registry = registry;
    this.stage = stage;
  }

  /**
   * Hands the record to Connect's producer; does not wait for it to be written.
   *
   * @throws TryLater when the registry cannot say the dead letters' schema id
   * @throws ConnectException when the connector has no dead-letter queue
   */
  public void send(SinkRecord record, String reason, String detail) {
    String what =
        "%s: %s (%s-%d offset %d)"
            .formatted(
                reason,
                detail,
                record.originalTopic(),
                record.originalKafkaPartition(),
                record.originalKafkaOffset());
    if (reporter == null) {
      throw new ConnectException(
          what
              + "; this connector has no dead-letter queue for such a record: set errors.tolerance=all and errors.deadletterqueue.topic.name="
              + Topics.DEAD_LETTER);
    }
    DeadLetter letter =
        DeadLetter.newBuilder()
            .setStage(stage)
            .setReason(reason)
            .setDetail(detail)
            .setTopic(record.originalTopic())
            .setPartition(record.originalKafkaPartition())
            .setOffset(record.originalKafkaOffset())
            .setTimestamp(Instant.ofEpochMilli(record.timestamp() == null ? 0 : record.timestamp()))
            .setKey(bytes(record.key()))
            .setValue(bytes(record.value()))
            .build();
    SinkRecord sent =
        new SinkRecord(
            record.originalTopic(),
            record.originalKafkaPartition(),
            Schema.OPTIONAL_BYTES_SCHEMA,
            record.key(),
            Schema.OPTIONAL_BYTES_SCHEMA,
            writer().write(letter),
            record.originalKafkaOffset(),
            record.timestamp(),
            record.timestampType(),
            record.headers());
    underWay.add(reporter.report(sent, new ConnectException(what)));
  }

  /**
   * Waits until every letter sent so far is in the topic: before that, the offsets of their records
   * must not be committed.
   *
   * @throws ConnectException when Connect's producer has given one up
   */
  public void awaitWritten() {
    try {
      for (Future<Void> letter : underWay) {
        letter.get();
      }
      underWay.clear();
    } catch (ExecutionException e) {
      throw new ConnectException(
          "A dead letter could not be written: " + e.getCause(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ConnectException("Interrupted while waiting for dead letters to be written", e);
    }
  }

  private AvroWriter<DeadLetter> writer() {
    if (writer == null) {
      String subject = Topics.subject(Topics.DEAD_LETTER);
      try {
        OptionalInt id = registry.lookup(subject, DeadLetter.getClassSchema());
        if (id.isEmpty()) {
          throw new TryLater(
              "The registry has no schema under " + subject + ": register the catalogue's schemas",
              null);
        }
        writer = AvroWriter.specific(id.getAsInt(), DeadLetter.class);
      } catch (RegistryUnreachable | RegistryRefused e) {
        throw new TryLater(e.getMessage(), e);
      }
    }
    return writer;
  }

  private static ByteBuffer bytes(Object keyOrValue) {
    return keyOrValue instanceof byte[] bytes ? ByteBuffer.wrap(bytes) : null;
  }
}
