package io.bianque.streams.run;

import io.bianque.schemas.catalogue.Topics;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;

/**
 * Has a consumer read what hosts tell of themselves before what they saw: the raw partitions of a
 * number are fetched once the facts of the same number have been read to their end, each time that
 * the partitions are assigned anew. Otherwise a backlog of events, fetched from many topics at
 * once, runs ahead of the facts that it needs, and leaves without them when the waiting room is
 * full.
 *
 * <p>Kafka Streams can do this too ({@code max.task.idle.ms} of 0 or more), but before each record
 * it then looks at every partition of the task, of which a task has one for each raw topic, and
 * writes a message about each that is empty ({@code PartitionGroup.readyToProcess}, 4.3): 27 of 89
 * microseconds an event in {@code bench streams}.
 *
 * <p>For one thread, the stream thread. What Streams paused stays paused.
 */
final class FactsFirst {
  /** The consumer, as far as it is needed. */
  interface Fetching {
    /** Records that are still to be read; empty before the first fetch. */
    OptionalLong lag(TopicPartition partition);

    void pause(Collection<TopicPartition> partitions);

    void resume(Collection<TopicPartition> partitions);
  }

  private static final Set<String> FACTS = Set.of(Topics.HOSTS, Topics.CONTAINERS);
  private static final String EVENTS = Topics.raw("");

  private final Fetching fetching;
  private final Set<TopicPartition> held = new HashSet<>();
  private final Set<TopicPartition> pausedByStreams = new HashSet<>();

  /** Numbers of partitions whose facts have been read to where they ended. */
  private final Set<Integer> read = new HashSet<>();

  FactsFirst(Fetching fetching) {
    this.fetching = fetching;
  }

  /** Holds and releases what is assigned; before each poll. */
  void beforePoll(Set<TopicPartition> assigned) {
    held.retainAll(assigned);
    pausedByStreams.retainAll(assigned);
    read.removeIf(number -> facts(number).stream().noneMatch(assigned::contains));
    for (TopicPartition partition : assigned) {
      if (partition.topic().startsWith(EVENTS)) {
        if (hasFacts(partition.partition(), assigned)) {
          release(partition);
        } else if (held.add(partition)) {
          fetching.pause(List.of(partition));
        }
      }
    }
  }

  private static List<TopicPartition> facts(int number) {
    return FACTS.stream().map(topic -> new TopicPartition(topic, number)).toList();
  }

  private boolean hasFacts(int number, Set<TopicPartition> assigned) {
    if (!read.contains(number)
        && facts(number).stream()
            .filter(assigned::contains)
            .allMatch(facts -> fetching.lag(facts).orElse(-1) == 0)) {
      read.add(number);
    }
    return read.contains(number);
  }

  private void release(TopicPartition partition) {
    if (held.remove(partition) && !pausedByStreams.contains(partition)) {
      fetching.resume(List.of(partition));
    }
  }

  /** Streams pauses these. */
  void pause(Collection<TopicPartition> partitions) {
    pausedByStreams.addAll(partitions);
    fetching.pause(partitions);
  }

  /** Streams resumes these. */
  void resume(Collection<TopicPartition> partitions) {
    pausedByStreams.removeAll(partitions);
    fetching.resume(partitions.stream().filter(partition -> !held.contains(partition)).toList());
  }
}
