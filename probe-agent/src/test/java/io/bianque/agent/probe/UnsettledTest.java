package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class UnsettledTest {
  @Test
  void nothingIsSettledBeforeTheFirst() {
    Unsettled unsettled = new Unsettled();
    Receipt first = unsettled.take(8);
    unsettled.take(16).settled();

    assertThat(unsettled.settledTo()).isZero();

    first.settled();
    assertThat(unsettled.settledTo()).isEqualTo(16);
  }

  /** However many are open, and in whatever order they are settled. */
  @Property(tries = 100)
  void settledIsWhatHasNothingUnsettledBeforeIt(
      @ForAll @IntRange(min = 1, max = 5000) int events, @ForAll long seed) {
    Unsettled unsettled = new Unsettled();
    List<Integer> order = new ArrayList<>();
    List<Receipt> receipts = new ArrayList<>();
    for (int i = 0; i < events; i++) {
      order.add(i);
      receipts.add(unsettled.take(8L * (i + 1)));
    }
    java.util.Collections.shuffle(order, new java.util.Random(seed));
    boolean[] settled = new boolean[events];
    int before = 0;
    for (int each : order) {
      receipts.get(each).settled();
      settled[each] = true;
      while (before < events && settled[before]) {
        before++;
      }
      assertThat(unsettled.settledTo()).isEqualTo(8L * before);
    }
  }
}
