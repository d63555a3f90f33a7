package io.bianque.agent.source;

import java.util.function.Consumer;

/**
 * A source that is open. One thread at a time; it is the one that drains all probes, so nothing
 * here waits, and what takes long is done in parts.
 */
public interface Source extends AutoCloseable {

  /**
   * Hands on what has happened since the last look. Called some ten times a second.
   *
   * @param maxRecords look no further when there are so many
   * @return records handed on
   */
  default int drain(int maxRecords, Consumer<Record> out) {
    return 0;
  }

  /**
   * Hands on the counters that have changed. Called every interval; what takes long does a part,
   * and is called again in the next turn.
   *
   * @return whether that was all
   */
  default boolean poll(Consumer<Record> out) {
    return true;
  }

  /** How often something went unseen, so far. */
  default long missed() {
    return 0;
  }

  @Override
  default void close() {}
}
