package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The page of a BPF ring buffer that its consumer writes. The kernel looks at the first long of it
 * alone, the consumer's position (struct bpf_ringbuf in kernel/bpf/ringbuf.c). Behind it is kept
 * how many records were before that position: it lives as long as the ring does, so that a consumer
 * that was killed between any two instructions is followed by one that knows. For one thread.
 *
 * <p>The count is there twice, each time with the position that it is true of. The one that is not
 * true of the present position is written first, then the position.
 */
final class ConsumerPage {
  private static final long POSITION = 0;
  private static final long COUNTS = 64;
  private static final long COUNT_BYTES = 2 * Long.BYTES;

  private static final VarHandle LONG = JAVA_LONG.varHandle();

  private final MemorySegment page;
  private int valid;

  /**
   * @throws BpfException when the page was left by a consumer that did not count
   */
  ConsumerPage(String subject, MemorySegment page) {
    this.page = page;
    while (at(valid, 0) != position()) {
      if (++valid == 2) {
        throw new BpfException("ring buffer", subject, "who read it before kept no count");
      }
    }
  }

  /** Up to where records were read. */
  long position() {
    return (long) LONG.get(page, POSITION);
  }

  /** Records before the position. */
  long count() {
    return at(valid, Long.BYTES);
  }

  /** Gives the room up to there back to the kernel. */
  void move(long position, long count) {
    int next = 1 - valid;
    put(next, 0, position);
    put(next, Long.BYTES, count);
    valid = next;
    // Release: the kernel may write over a record only when it has been read.
    LONG.setRelease(page, POSITION, position);
  }

  private long at(int which, long offset) {
    return page.get(JAVA_LONG, COUNTS + which * COUNT_BYTES + offset);
  }

  private void put(int which, long offset, long value) {
    page.set(JAVA_LONG, COUNTS + which * COUNT_BYTES + offset, value);
  }
}
