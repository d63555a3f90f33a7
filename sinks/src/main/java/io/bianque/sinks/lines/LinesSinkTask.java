package io.bianque.sinks.lines;

import io.bianque.schemas.registry.RegistryClient;
import io.bianque.sinks.document.JsonBytes;
import io.bianque.sinks.event.DeadLetters;
import io.bianque.sinks.event.EventReader;
import io.bianque.sinks.event.Reading.Event;
import io.bianque.sinks.event.Reading.Unreadable;
import io.bianque.sinks.event.SinkCounters;
import io.bianque.sinks.event.TryLater;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/**
 * Writes each delivery's lines at once and records them when Connect commits, a second later at
 * most.
 *
 * <p>When the disk or the registry is in the way, the whole delivery is put off: Connect hands it
 * over again, and what of it is in the files already is passed over.
 */
public final class LinesSinkTask extends SinkTask {
  private static final Duration COMMIT_INTERVAL = Duration.ofSeconds(1);

  /** Lines not in the files yet, by probe. */
  private final Map<String, JsonBytes> pending = new HashMap<>();

  private int pendingLines;

  /** Offsets that count once the pending lines are in the files. */
  private final Map<TopicPartition, Long> pendingOffsets = new HashMap<>();

  /** Of each partition, the offset after the last record whose line is in a file. */
  private final Map<TopicPartition, Long> written = new HashMap<>();

  /** Letters of a delivery that will be handed over again. */
  private final Set<Letter> sent = new HashSet<>();

  private final JsonBytes line = new JsonBytes(4 << 10);

  private LinesSinkConfig config;
  private SinkCounters counters;
  private EventReader reader;
  private DeadLetters deadLetters;
  private LinesFolder folder;
  private ConnectException failure;
  private long lastCommitRequest = System.nanoTime();

  private record Letter(TopicPartition partition, long offset) {}

  @Override
  public void start(Map<String, String> properties) {
    config = new LinesSinkConfig(properties);
    RegistryClient registry = new RegistryClient(config.registry());
    reader = new EventReader(registry, config.namespace());
    deadLetters = new DeadLetters(context.errantRecordReporter(), registry, "lines-sink");
    counters = new SinkCounters("lines", properties.getOrDefault("name", "lines"), "0");
  }

  @Override
  public void put(Collection<SinkRecord> records) {
    if (failure != null) {
      throw failure;
    }
    try {
      if (!records.isEmpty()) {
        open();
        for (SinkRecord record : records) {
          take(record);
        }
        flush();
        sent.clear();
        counters.fine();
      }
    } catch (IOException | TryLater e) {
      forgetPending();
      counters.retried(e.getMessage());
      context.timeout(config.retryBackoff());
      throw new RetriableException(
          "Lines cannot be written to " + config.path() + " now: " + e.getMessage(), e);
    }
    requestCommit();
  }

  private void open() throws IOException {
    if (folder == null) {
      folder = LinesFolder.open(config.path(), config.rotation());
      written.putAll(folder.offsets());
    }
  }

  private void take(SinkRecord record) throws IOException {
    TopicPartition partition =
        new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
    long offset = record.originalKafkaOffset();
    if (offset < written.getOrDefault(partition, 0L)) {
      counters.alreadyThere(1);
      return;
    }
    switch (reader.read(record)) {
      case Event event -> add(event);
      case Unreadable unreadable -> {
        if (sent.add(new Letter(partition, offset))) {
          giveUp(record, unreadable, new Letter(partition, offset));
        }
      }
    }
    pendingOffsets.put(partition, offset + 1);
  }

  private void add(Event event) throws IOException {
    String probe = event.writer().layout().probe();
    line.truncate(0);
    event.writer().writeWithId(event.event(), line);
    line.raw('\n');
    JsonBytes lines = pending.computeIfAbsent(probe, name -> new JsonBytes(64 << 10));
    if (folder.full(probe, lines.length(), line.length())) {
      flush();
      record();
      folder.rotate(probe);
    }
    lines.raw(line);
    pendingLines++;
  }

  private void giveUp(SinkRecord record, Unreadable unreadable, Letter letter) {
    try {
      deadLetters.send(record, unreadable.reason(), unreadable.detail());
      counters.dead(1);
    } catch (TryLater e) {
      sent.remove(letter);
      throw e;
    }
  }

  /** Brings the pending lines into the files. */
  private void flush() throws IOException {
    folder.append(pending);
    written.putAll(pendingOffsets);
    counters.written(pendingLines);
    forgetPending();
  }

  private void forgetPending() {
    pending.values().forEach(lines -> lines.truncate(0));
    pendingLines = 0;
    pendingOffsets.clear();
  }

  /** Makes what is written count, dead letters included: what is recorded is not read again. */
  private void record() throws IOException {
    deadLetters.awaitWritten();
    folder.record(written);
  }

  private void requestCommit() {
    long now = System.nanoTime();
    if (folder != null && !written.equals(folder.offsets())) {
      // Called again soon, so that what came last is recorded soon too.
      context.timeout(COMMIT_INTERVAL.toMillis());
      if (now - lastCommitRequest >= COMMIT_INTERVAL.toNanos()) {
        lastCommitRequest = now;
        context.requestCommit();
      }
    }
  }

  /** Records what is written; Kafka then hears the same. */
  @Override
  public Map<TopicPartition, OffsetAndMetadata> preCommit(
      Map<TopicPartition, OffsetAndMetadata> delivered) {
    if (folder == null) {
      return Map.of();
    }
    try {
      record();
      return delivered.keySet().stream()
          .filter(written::containsKey)
          .collect(
              Collectors.toMap(
                  partition -> partition,
                  partition -> new OffsetAndMetadata(written.get(partition))));
    } catch (IOException e) {
      counters.retried("positions cannot be recorded in " + config.path() + ": " + e.getMessage());
    } catch (ConnectException e) {
      // Thrown from here, Connect would only rewind; thrown by the next put, it stops the task and
      // says why.
      failure = e;
    }
    return Map.of();
  }

  @Override
  public void stop() {
    try {
      if (folder != null) {
        folder.close();
      }
    } catch (IOException e) {
      throw new ConnectException("Cannot close the files in " + config.path(), e);
    } finally {
      if (counters != null) {
        counters.close();
      }
    }
  }

  @Override
  public String version() {
    return new LinesSinkConnector().version();
  }
}
