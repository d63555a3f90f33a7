package io.bianque.sinks.search;

import io.bianque.schemas.registry.RegistryClient;
import io.bianque.sinks.document.DocumentLayout;
import io.bianque.sinks.event.DeadLetters;
import io.bianque.sinks.event.EventReader;
import io.bianque.sinks.event.Reading.Event;
import io.bianque.sinks.event.Reading.Unreadable;
import io.bianque.sinks.event.SinkCounters;
import io.bianque.sinks.event.TryLater;
import io.bianque.sinks.search.Batch.Document;
import io.bianque.sinks.search.Batch.Rejection;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/**
 * Reads records into batches on Connect's thread and says what may be committed.
 *
 * <p>It never keeps Connect waiting for a server or a registry that is away: records that cannot go
 * on wait in the backlog, the partitions are paused, and the task stays in its group however long
 * it takes. So at most one poll's records and the batches in flight are in memory.
 */
public final class SearchSinkTask extends SinkTask {
  /**
   * How long one call may wait for a sender, and how soon it is called again when there is
   * something to do.
   */
  private static final Duration PATIENCE = Duration.ofMillis(500);

  private static final Duration NEXT_LOOK = Duration.ofMillis(100);

  /** Commits follow the documents closely: what is committed is not delivered again. */
  private static final Duration COMMIT_INTERVAL = Duration.ofSeconds(1);

  private final Deque<SinkRecord> backlog = new ArrayDeque<>();
  private final Deque<Batch> unsettled = new ArrayDeque<>();
  private final Positions positions = new Positions();
  private final IdentityHashMap<DocumentLayout, Target> targets = new IdentityHashMap<>();
  private final Set<TopicPartition> paused = new HashSet<>();

  private String namespace;
  private SinkCounters counters;
  private SearchServer server;
  private BulkPipeline pipeline;
  private EventReader reader;
  private DeadLetters deadLetters;
  private Backoff registryBackoff;
  private ConnectException failure;
  private long notBefore = System.nanoTime();
  private long lastCommitRequest = System.nanoTime();

  @Override
  public void start(Map<String, String> properties) {
    SearchSinkConfig config = new SearchSinkConfig(properties);
    String connector = properties.getOrDefault("name", "search");
    String number = properties.getOrDefault(SearchSinkConfig.TASK_NUMBER, "0");
    RegistryClient registry = new RegistryClient(config.registry());
    namespace = config.namespace();
    reader = new EventReader(registry, namespace);
    deadLetters = new DeadLetters(context.errantRecordReporter(), registry, "search-sink");
    registryBackoff =
        new Backoff(
            config.duration(SearchSinkConfig.RETRY_BACKOFF),
            config.duration(SearchSinkConfig.RETRY_BACKOFF_MAX));
    counters = new SinkCounters("search", connector, number);
    server = new SearchServer(config);
    pipeline = new BulkPipeline(config, server, counters, connector + "-" + number);
  }

  @Override
  public void put(Collection<SinkRecord> records) {
    if (failure != null) {
      throw failure;
    }
    backlog.addAll(records);
    settle();
    if (System.nanoTime() - notBefore >= 0) {
      work();
    }
    if (backlog.isEmpty()) {
      resume();
    } else {
      pause();
    }
    if (!backlog.isEmpty() || !unsettled.isEmpty() || !positions.allDone()) {
      context.timeout(NEXT_LOOK.toMillis());
    }
  }

  /** Moves the backlog into batches until it is empty or something is in the way. */
  private void work() {
    pipeline.beginTurn();
    try {
      while (!backlog.isEmpty() && pipeline.room(PATIENCE)) {
        take(backlog.peekFirst());
        backlog.removeFirst();
        registryBackoff.reset();
      }
    } catch (TryLater e) {
      counters.retried(e.getMessage());
      notBefore = System.nanoTime() + registryBackoff.next().toNanos();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ConnectException("interrupted while waiting for room in a bulk request", e);
    } finally {
      pipeline.endTurn();
    }
  }

  private void take(SinkRecord record) {
    switch (reader.read(record)) {
      case Event event -> {
        positions.add(partition(record), record.originalKafkaOffset(), pipeline.open());
        Target target =
            targets.computeIfAbsent(
                event.writer().layout(), layout -> new Target(layout, namespace));
        pipeline.add(record, event, target);
      }
      case Unreadable unreadable -> {
        giveUp(record, unreadable.reason(), unreadable.detail());
        positions.add(partition(record), record.originalKafkaOffset(), Batch.nothing());
      }
    }
  }

  private void giveUp(SinkRecord record, String reason, String detail) {
    deadLetters.send(record, reason, detail);
    counters.dead(1);
  }

  /** Takes back what the senders are done with. */
  private void settle() {
    unsettled.addAll(pipeline.finished());
    try {
      for (Batch batch = unsettled.peekFirst(); batch != null; batch = unsettled.peekFirst()) {
        giveUpRejected(batch);
        batch.settle();
        unsettled.removeFirst();
      }
    } catch (TryLater e) {
      counters.retried(e.getMessage());
    }
    requestCommit();
  }

  private void giveUpRejected(Batch batch) {
    while (!batch.rejections().isEmpty()) {
      Rejection rejection = batch.rejections().getFirst();
      Document document = rejection.document();
      // A partition that went to another task is that task's: it will be delivered, refused and
      // reported there.
      if (positions.waitsFor(partition(document.record()), batch)) {
        giveUp(document.record(), rejection.reason(), rejection.detail());
      }
      batch.rejections().removeFirst();
    }
  }

  private void requestCommit() {
    long now = System.nanoTime();
    if (now - lastCommitRequest >= COMMIT_INTERVAL.toNanos() && positions.hasNews()) {
      lastCommitRequest = now;
      context.requestCommit();
    }
  }

  @Override
  public Map<TopicPartition, OffsetAndMetadata> preCommit(
      Map<TopicPartition, OffsetAndMetadata> delivered) {
    try {
      settle();
      deadLetters.awaitWritten();
      return positions.done();
    } catch (ConnectException e) {
      // Thrown from here, Connect would only rewind; thrown by the next put, it stops the task and
      // says why.
      failure = e;
      return Map.of();
    }
  }

  private void pause() {
    // Asked each time: partitions may have come meanwhile.
    for (TopicPartition partition : context.assignment()) {
      if (paused.add(partition)) {
        context.pause(partition);
      }
    }
  }

  private void resume() {
    if (!paused.isEmpty()) {
      paused.retainAll(context.assignment());
      context.resume(paused.toArray(TopicPartition[]::new));
      paused.clear();
    }
  }

  @Override
  public void close(Collection<TopicPartition> partitions) {
    backlog.removeIf(record -> partitions.contains(partition(record)));
    positions.forget(partitions);
    paused.removeAll(Set.copyOf(partitions));
  }

  /**
   * The topic and partition it was read from, not what a transformation made of them: offsets are
   * of those.
   */
  private static TopicPartition partition(SinkRecord record) {
    return new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
  }

  @Override
  public void stop() {
    if (pipeline != null) {
      pipeline.close();
    }
    if (server != null) {
      server.close();
    }
    if (counters != null) {
      counters.close();
    }
  }

  @Override
  public String version() {
    return new SearchSinkConnector().version();
  }
}
