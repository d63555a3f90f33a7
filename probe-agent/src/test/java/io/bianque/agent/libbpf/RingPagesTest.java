package io.bianque.agent.libbpf;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Records at the end of a ring and over it. */
class RingPagesTest {
  private static final int SIZE = 1 << 13;

  /** Each eight bytes hold their own position, as of the second time round. */
  private final MemorySegment memory = Arena.ofAuto().allocate(SIZE, Long.BYTES);

  private final RingPages pages = new RingPages(memory, Arena.ofAuto());

  RingPagesTest() {
    for (int at = 0; at < SIZE; at += Long.BYTES) {
      memory.set(ValueLayout.JAVA_LONG, at, SIZE + at);
    }
  }

  @Test
  void recordsAreWholeWhereverTheyBegin() {
    for (int length = Long.BYTES; length <= SIZE; length += 8 * 37) {
      for (long begin = SIZE; begin < 2L * SIZE; begin += Long.BYTES) {
        long from = begin;
        int bytes = length;
        pages.handOver(
            begin,
            length,
            (data, offset, given) -> {
              assertThat(given).isEqualTo(bytes);
              for (int at = 0; at < given; at += Long.BYTES) {
                long expected = SIZE + ((from + at) & (SIZE - 1));
                if (data.getLong(offset + at) != expected) {
                  assertThat(data.getLong(offset + at)).as("%d + %d", from, at).isEqualTo(expected);
                }
              }
            });
      }
    }
  }

  @Test
  void numbersAreReadAtPositionsOfAnyTurn() {
    assertThat(pages.longAt(3L * SIZE + 16)).isEqualTo(SIZE + 16);
    assertThat(pages.longAt(-8)).isEqualTo(2L * SIZE - 8);
    memory.set(ValueLayout.JAVA_INT, 24, 0x8000_0001);
    memory.set(ValueLayout.JAVA_SHORT, 30, (short) 0xfffe);
    assertThat(pages.intAt(SIZE + 24)).isEqualTo(0x8000_0001);
    assertThat(pages.intAcquired(SIZE + 24)).isEqualTo(0x8000_0001);
    assertThat(pages.shortAt(SIZE + 30)).isEqualTo(0xfffe);
  }
}
