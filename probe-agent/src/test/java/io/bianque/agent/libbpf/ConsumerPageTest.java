package io.bianque.agent.libbpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConsumerPageTest {
  private final MemorySegment memory = Arena.ofAuto().allocate(4096, Long.BYTES);

  @Test
  void nothingWasReadOfANewRing() {
    assertThat(page().position()).isZero();
    assertThat(page().count()).isZero();
  }

  @Test
  void nextConsumerGoesOnCounting() {
    for (long i = 1; i <= 5; i++) {
      page().move(i * 100, i);

      assertThat(page().position()).isEqualTo(i * 100);
      assertThat(page().count()).isEqualTo(i);
    }
  }

  /** A move writes three longs; of each number of them that got there. */
  @Test
  void consumerThatWasKilledWithinAMoveLeavesTheCountOfItsPosition() {
    ConsumerPage before = page();
    before.move(100, 1);
    before.move(200, 2);
    byte[] old = memory.toArray(ValueLayout.JAVA_BYTE);
    before.move(300, 3);
    List<Long> written = new ArrayList<>();
    for (long at = Long.BYTES; at < memory.byteSize(); at += Long.BYTES) {
      if (memory.get(ValueLayout.JAVA_LONG, at)
          != MemorySegment.ofArray(old).get(ValueLayout.JAVA_LONG_UNALIGNED, at)) {
        written.add(at);
      }
    }
    assertThat(written).hasSize(2);
    for (int count = 0; count <= written.size(); count++) {
      MemorySegment half =
          Arena.ofAuto().allocate(4096, Long.BYTES).copyFrom(MemorySegment.ofArray(old));
      written.stream()
          .limit(count)
          .forEach(
              at -> half.set(ValueLayout.JAVA_LONG, at, memory.get(ValueLayout.JAVA_LONG, at)));

      ConsumerPage next = new ConsumerPage("test", half);
      assertThat(next.position()).isEqualTo(200);
      assertThat(next.count()).isEqualTo(2);
    }
  }

  @Test
  void positionWithoutACountIsRefused() {
    memory.set(ValueLayout.JAVA_LONG, 0, 4096);

    assertThatThrownBy(this::page)
        .isInstanceOf(BpfException.class)
        .hasMessage("ring buffer(test): who read it before kept no count");
  }

  private ConsumerPage page() {
    return new ConsumerPage("test", memory);
  }
}
