package io.bianque.agent.probe;

/**
 * Events taken from a channel of which it is not known yet that they are safe: with the broker, on
 * disk, or given up and counted. Until then their room in the channel is not given back, so that
 * whoever adopts the channel after this process was killed finds them there.
 *
 * <p>One thread takes; any thread settles.
 */
final class Unsettled {
  private long[] ends = new long[1024];
  private boolean[] settled = new boolean[ends.length];
  private long first;
  private long next;
  private long settledTo;

  /** An event that ends at this position, which is beyond all those taken before. */
  synchronized Receipt take(long end) {
    if (next - first == ends.length) {
      grow();
    }
    long ticket = next++;
    ends[at(ticket)] = end;
    settled[at(ticket)] = false;
    return new Ticket(ticket);
  }

  /**
   * No lambda: C1 makes one that captures something by a call into the JVM, a third of a
   * microsecond each.
   */
  private final class Ticket implements Receipt {
    private final long number;

    Ticket(long number) {
      this.number = number;
    }

    @Override
    public void settled() {
      settle(number);
    }
  }

  private synchronized void settle(long ticket) {
    settled[at(ticket)] = true;
    while (first < next && settled[at(first)]) {
      settledTo = ends[at(first)];
      first++;
    }
  }

  /** The end of the last event before which all are settled; 0 when there is none. */
  synchronized long settledTo() {
    return settledTo;
  }

  private int at(long ticket) {
    return (int) (ticket & ends.length - 1);
  }

  private void grow() {
    long[] oldEnds = ends;
    boolean[] oldSettled = settled;
    ends = new long[oldEnds.length * 2];
    settled = new boolean[ends.length];
    for (long ticket = first; ticket < next; ticket++) {
      int old = (int) (ticket & oldEnds.length - 1);
      ends[at(ticket)] = oldEnds[old];
      settled[at(ticket)] = oldSettled[old];
    }
  }
}
