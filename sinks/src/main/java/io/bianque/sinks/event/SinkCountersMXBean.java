package io.bianque.sinks.event;

/**
 * What became of a sink task's records since the task started; each record is in one of the first
 * three.
 */
public interface SinkCountersMXBean {
  /** Documents that this task wrote. */
  long getWritten();

  /** Documents that were there already, from an earlier delivery of the same event. */
  long getAlreadyThere();

  /** Records given up, with the reason, to the dead-letter topic. */
  long getDead();

  /** Attempts that failed and were made again: requests here, not documents. */
  long getRetried();

  /** What is in the way at present; empty when nothing is. */
  String getTrouble();
}
