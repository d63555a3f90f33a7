package io.bianque.streams.sequence;

import java.nio.ByteBuffer;

/**
 * Which of one CPU's sequence numbers have come: an anti-replay window as in IPsec (RFC 4303,
 * 3.4.3), 64 wide.
 *
 * <p>Events of one CPU reach Kafka almost in order: an interrupt that nests into a program may
 * overtake it, by at most the depth of nesting. So 64 is far more than order can be off, and a
 * number that lies behind the window has been seen before. A number that leaves the window without
 * having come is a hole: an event that the CPU gave a number and that did not arrive.
 *
 * @param highest number that has come, 0 before the first; numbers are unsigned and begin at 1
 * @param seen bit i: whether {@code highest - i} has come
 * @param holes numbers that left the window without having come
 * @param touchedMs wall time of the last change, ms since 1970: what old windows are removed by
 */
public record ReplayWindow(long highest, long seen, long holes, long touchedMs) {
  private static final int WIDTH = 64;

  /** Before the first event. */
  public static final ReplayWindow EMPTY = new ReplayWindow(0, 0, 0, 0);

  /** What came of offering a number. */
  public sealed interface Verdict {
    /** Not seen before; the window after it. */
    record New(ReplayWindow after) implements Verdict {}

    /** Seen before, or too far behind to be anything else. */
    record Duplicate() implements Verdict {}
  }

  private static final Verdict DUPLICATE = new Verdict.Duplicate();

  /** Offers the next number. Pure. */
  public Verdict offer(long sequence, long nowMs) {
    long ahead = sequence - highest;
    if (ahead > 0) {
      return new Verdict.New(
          new ReplayWindow(sequence, shifted(ahead) | 1, holes + holesLeaving(ahead), nowMs));
    }
    long behind = -ahead;
    if (sequence <= 0 || behind >= WIDTH || (seen >>> behind & 1) != 0) {
      return DUPLICATE;
    }
    return new Verdict.New(new ReplayWindow(highest, seen | 1L << behind, holes, nowMs));
  }

  private long shifted(long by) {
    return by >= WIDTH ? 0 : seen << by;
  }

  /** Numbers from 1 up that leave the window when it moves on and were never seen. */
  private long holesLeaving(long by) {
    // Numbers that the window covers now, without those below 1.
    long covered = Math.min(highest, WIDTH);
    // Of the covered ones the oldest leave: those at an index of at least WIDTH - by.
    long stay = Math.max(0, WIDTH - by);
    long leave = Math.max(0, covered - stay);
    long leavingSeen = leave == 0 ? 0 : Long.bitCount(seen >>> stay);
    // Numbers between the old and the new window were never in either.
    long skipped = Math.max(0, by - WIDTH);
    return leave - leavingSeen + skipped;
  }

  /** Numbers inside the window that have not come, yet: late, or holes to be. */
  public int pending() {
    int covered = (int) Math.min(highest, WIDTH);
    return covered - Long.bitCount(seen);
  }

  /** 32 bytes. */
  public byte[] toBytes() {
    return ByteBuffer.allocate(32)
        .putLong(highest)
        .putLong(seen)
        .putLong(holes)
        .putLong(touchedMs)
        .array();
  }

  public static ReplayWindow fromBytes(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    return new ReplayWindow(in.getLong(), in.getLong(), in.getLong(), in.getLong());
  }
}
