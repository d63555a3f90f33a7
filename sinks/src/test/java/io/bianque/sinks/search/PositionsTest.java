package io.bianque.sinks.search;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class PositionsTest {
  private static final TopicPartition A = new TopicPartition("a", 0);
  private static final TopicPartition B = new TopicPartition("a", 1);

  @Test
  void aBatchThatEndsEarlyWaitsForThoseBeforeIt() {
    Positions positions = new Positions();
    Batch first = new Batch();
    Batch second = new Batch();
    positions.add(A, 10, first);
    positions.add(A, 11, second);
    positions.add(B, 5, second);

    second.settle();
    assertThat(positions.done()).containsOnlyKeys(B).containsEntry(B, new OffsetAndMetadata(6));

    first.settle();
    assertThat(positions.done()).containsEntry(A, new OffsetAndMetadata(12));
    assertThat(positions.allDone()).isTrue();
  }

  @Test
  void aPartitionThatIsGoneIsNotSpokenOfAgain() {
    Positions positions = new Positions();
    Batch batch = new Batch();
    positions.add(A, 1, batch);
    positions.forget(List.of(A));

    batch.settle();

    assertThat(positions.done()).isEmpty();
    assertThat(positions.waitsFor(A, batch)).isFalse();
  }

  @Property(tries = 200)
  void whatIsDoneNeverPassesARecordThatIsNot(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 60) int records) {
    Positions positions = new Positions();
    List<Batch> batches = new ArrayList<>(List.of(new Batch(), new Batch(), new Batch()));
    List<Batch> batchOf = new ArrayList<>();
    Set<Batch> settled = new HashSet<>();
    for (int offset = 0; offset < records; offset++) {
      Batch batch = batches.get(random.nextInt(3));
      if (settled.contains(batch)) {
        batches.remove(batch);
        batch = new Batch();
        batches.add(batch);
      }
      batchOf.add(batch);
      positions.add(A, offset, batch);
      if (random.nextInt(4) == 0) {
        Batch some = batches.get(random.nextInt(3));
        some.settle();
        settled.add(some);
      }
      OffsetAndMetadata done = positions.done().get(A);
      int firstOpen = 0;
      while (firstOpen < batchOf.size() && settled.contains(batchOf.get(firstOpen))) {
        firstOpen++;
      }
      assertThat(done == null ? 0 : done.offset()).isEqualTo(firstOpen);
    }
  }
}
