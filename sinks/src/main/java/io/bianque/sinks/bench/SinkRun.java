package io.bianque.sinks.bench;

import io.bianque.sinks.search.SearchSinkTask;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** The task as it runs on a worker, given its records by a loop instead of a consumer. */
final class SinkRun {
  private static final int POLL = 2_000;

  private SinkRun() {}

  /** Returns the nanoseconds until all records could be committed. */
  static long run(List<SinkRecord> records, Map<String, String> settings)
      throws IOException, InterruptedException {
    Set<TopicPartition> assignment =
        IntStream.range(0, BenchEvents.partitions())
            .mapToObj(i -> new TopicPartition(BenchEvents.TOPIC, i))
            .collect(Collectors.toSet());
    Paused paused = new Paused(assignment);
    SearchSinkTask task = new SearchSinkTask();
    task.initialize(paused);
    Map<String, String> properties = new HashMap<>(settings);
    properties.put("name", "bench");
    try {
      task.start(properties);
      long begin = System.nanoTime();
      int next = 0;
      while (committed(task) < records.size()) {
        Collection<SinkRecord> delivered = List.of();
        if (!paused.all && next < records.size()) {
          delivered = records.subList(next, Math.min(records.size(), next + POLL));
          next += delivered.size();
        } else {
          // Connect's consumer would wait for records here.
          Thread.sleep(1);
        }
        task.put(delivered);
      }
      return System.nanoTime() - begin;
    } finally {
      task.stop();
    }
  }

  private static long committed(SearchSinkTask task) {
    return task.preCommit(Map.of()).values().stream().mapToLong(OffsetAndMetadata::offset).sum();
  }

  /** A worker's context, of which the task pauses all partitions or none. */
  private static final class Paused implements SinkTaskContext {
    private final Set<TopicPartition> assignment;
    private boolean all;

    Paused(Set<TopicPartition> assignment) {
      this.assignment = assignment;
    }

    @Override
    public Map<String, String> configs() {
      return Map.of();
    }

    @Override
    public void offset(Map<TopicPartition, Long> offsets) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void offset(TopicPartition partition, long offset) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void timeout(long milliseconds) {}

    @Override
    public Set<TopicPartition> assignment() {
      return assignment;
    }

    @Override
    public void pause(TopicPartition... partitions) {
      all = true;
    }

    @Override
    public void resume(TopicPartition... partitions) {
      all = false;
    }

    @Override
    public void requestCommit() {}

    @Override
    public PluginMetrics pluginMetrics() {
      throw new UnsupportedOperationException();
    }

    @Override
    public ErrantRecordReporter errantRecordReporter() {
      return null;
    }
  }
}
