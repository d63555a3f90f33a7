package io.bianque.streams.dns;

import io.bianque.streams.dns.ReverseNames.Answer;
import io.bianque.streams.names.IpAddress;

/** Where the events of one task have their names from. For one thread, the task's. */
public interface Names {
  /** Names for one event. */
  interface OfEvent {
    /** What the address is called, the same however often it is asked. Never waits. */
    Answer name(IpAddress address);

    /**
     * Since when an address is being asked for whose name is {@link Answer.Pending}: ms by the
     * clock of {@link Names#ofEvent}.
     */
    default long askedSince(IpAddress address) {
      throw new IllegalStateException("nobody is asked for " + address);
    }

    /** The event leaves with the names that it was given. */
    default void leaves() {}
  }

  /**
   * Names for an event.
   *
   * @param timeNanos the event's own time, in ns since 1970
   * @param nowMs the time by this machine's clock
   */
  OfEvent ofEvent(long timeNanos, long nowMs);

  /** Forgets what no event from then on needs, where it is kept for this task alone. */
  default void forget(long beforeNanos) {}
}
