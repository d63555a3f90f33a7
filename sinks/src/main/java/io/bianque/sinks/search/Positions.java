package io.bianque.sinks.search;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Up to where each partition's records are done with, whatever order the batches end in. The task's
 * thread.
 */
final class Positions {
  private final Map<TopicPartition, Partition> partitions = new HashMap<>();

  private static final class Partition {
    /** In the order of their offsets. */
    final Deque<Span> spans = new ArrayDeque<>();

    Optional<Long> next = Optional.empty();
  }

  private static final class Span {
    final Batch batch;
    long last;

    Span(Batch batch, long last) {
      this.batch = batch;
      this.last = last;
    }
  }

  /** Notes that the batch is where the record goes. Offsets of a partition come in order. */
  void add(TopicPartition partition, long offset, Batch batch) {
    Deque<Span> spans = partitions.computeIfAbsent(partition, name -> new Partition()).spans;
    Span newest = spans.peekLast();
    if (newest != null && newest.batch == batch) {
      newest.last = offset;
    } else {
      spans.add(new Span(batch, offset));
    }
  }

  /**
   * Whether the batch still counts for the partition: not when that went to another task meanwhile.
   */
  boolean waitsFor(TopicPartition partition, Batch batch) {
    Partition known = partitions.get(partition);
    return known != null && known.spans.stream().anyMatch(span -> span.batch == batch);
  }

  /** Whether {@link #done} would say more than it last did. */
  boolean hasNews() {
    return partitions.values().stream()
        .anyMatch(
            partition -> !partition.spans.isEmpty() && partition.spans.peekFirst().batch.settled());
  }

  /** Whether nothing is left that {@link #done} could come to say. */
  boolean allDone() {
    return partitions.values().stream().allMatch(partition -> partition.spans.isEmpty());
  }

  /**
   * The offset after the last record before which all are done with, of each partition that has
   * one.
   */
  Map<TopicPartition, OffsetAndMetadata> done() {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    partitions.forEach((name, partition) -> {
      while (!partition.spans.isEmpty() && partition.spans.peekFirst().batch.settled()) {
        partition.next = Optional.of(partition.spans.removeFirst().last + 1);
      }
      partition.next.ifPresent(next -> offsets.put(name, new OffsetAndMetadata(next)));
    });
    return offsets;
  }

  void forget(Collection<TopicPartition> gone) {
    gone.forEach(partitions::remove);
  }
}
