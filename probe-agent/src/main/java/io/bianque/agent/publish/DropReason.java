package io.bianque.agent.publish;

/** Why an event was given up after it had been encoded. */
public enum DropReason {
  /** The spool had reached its bound: the oldest segment of the largest lane goes first. */
  SPOOL_FULL("spool full"),
  /** The spool's disk refused the write: full, read-only or broken. */
  DISK("disk refused the write"),
  /** The disk was slower than the events came, for longer than memory could bridge. */
  HAND_OFF_FULL("disk too slow"),
  /** The broker will never take it: larger than it allows. */
  REFUSED("refused by the broker"),
  /** Before this run of the agent; the reasons are in that run's metrics. */
  EARLIER_RUN("in an earlier run");

  private final String words;

  DropReason(String words) {
    this.words = words;
  }

  public String words() {
    return words;
  }
}
