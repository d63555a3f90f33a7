package io.bianque.streams.sequence;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.sequence.ReplayWindow.Verdict;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class ReplayWindowTest {
  private static ReplayWindow after(long... numbers) {
    ReplayWindow window = ReplayWindow.EMPTY;
    for (long number : numbers) {
      if (window.offer(number, 1) instanceof Verdict.New(ReplayWindow next)) {
        window = next;
      }
    }
    return window;
  }

  @Test
  void aNumberIsNewOnce() {
    assertThat(ReplayWindow.EMPTY.offer(1, 1)).isInstanceOf(Verdict.New.class);
    assertThat(after(1).offer(1, 1)).isInstanceOf(Verdict.Duplicate.class);
  }

  @Test
  void whatOvertookIsNoReasonToRefuseTheOvertaken() {
    assertThat(after(1, 3).offer(2, 1)).isInstanceOf(Verdict.New.class);
  }

  @Test
  void numbersThatNeverComeAreHolesOnceTheyHaveLeftTheWindow() {
    ReplayWindow window = after(1, 2, 5);
    assertThat(window.pending()).isEqualTo(2);
    assertThat(window.holes()).isZero();
    assertThat(
            after(LongStream.concat(LongStream.of(1, 2), LongStream.rangeClosed(5, 80)).toArray())
                .holes())
        .isEqualTo(2);
  }

  @Test
  void aLeapBeyondTheWindowCountsEverythingBetween() {
    ReplayWindow window = after(1, 1_000_000);
    assertThat(window.holes() + window.pending()).isEqualTo(1_000_000 - 2);
  }

  @Test
  void theFirstNumberThatComesNeedNotBeOne() {
    // The stream tier joined late, or what came before was lost: either way it has not come.
    ReplayWindow window = after(100);
    assertThat(window.holes() + window.pending()).isEqualTo(99);
  }

  @Test
  void survivesItsOwnBytes() {
    ReplayWindow window = after(1, 2, 5, 99);
    assertThat(ReplayWindow.fromBytes(window.toBytes())).isEqualTo(window);
  }

  @Property
  void nearlyOrderedNumbersAreEachTakenOnceAndMissingOnesCounted(
      @ForAll("nearlyOrdered") List<Long> numbers) {
    ReplayWindow window = ReplayWindow.EMPTY;
    Set<Long> taken = new HashSet<>();
    for (long number : numbers) {
      boolean isNew = window.offer(number, 1) instanceof Verdict.New;
      assertThat(isNew).as("%s of %s", number, numbers).isEqualTo(taken.add(number));
      if (window.offer(number, 1) instanceof Verdict.New(ReplayWindow next)) {
        window = next;
      }
    }
    assertThat(window.holes() + window.pending()).isEqualTo(window.highest() - taken.size());
  }

  /**
   * Each number 1 to n none, one or two times, none further from its place than an interrupt can
   * bring it.
   */
  @Provide
  Arbitrary<List<Long>> nearlyOrdered() {
    return Arbitraries.integers()
        .between(0, 2)
        .list()
        .ofMaxSize(300)
        .flatMap(times ->
            Arbitraries.integers()
                .between(0, 10)
                .list()
                .ofSize(times.stream().mapToInt(Integer::intValue).sum())
                .map(delays -> arranged(times, delays)));
  }

  private record Delayed(long number, int place) {}

  private static List<Long> arranged(List<Integer> times, List<Integer> delays) {
    List<Delayed> numbers = new java.util.ArrayList<>();
    for (int i = 0; i < times.size(); i++) {
      for (int t = 0; t < times.get(i); t++) {
        numbers.add(new Delayed(i + 1L, i + delays.get(numbers.size())));
      }
    }
    numbers.sort(java.util.Comparator.comparingInt(Delayed::place));
    return numbers.stream().map(Delayed::number).toList();
  }
}
