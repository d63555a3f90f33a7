package io.bianque.agent.probe;

import org.apache.avro.Schema;

/**
 * Where encoded events go. Called by one thread at a time, the one that drains or stops a probe.
 */
@FunctionalInterface
public interface EventSink {
  /**
   * Takes one event; does not block and does not throw.
   *
   * @param epoch of the probe's present life, as in its report
   * @param wallNanos wall time of the event, in ns since 1970
   * @param buffer its Avro body is {@code [offset, offset + length)} until this returns: copy what
   *     you keep
   * @param receipt told when the event is safe
   */
  void event(
      String probe,
      long epoch,
      long wallNanos,
      byte[] buffer,
      int offset,
      int length,
      Receipt receipt);

  /**
   * Whether it can take some hundred events of the probe now without giving any up. Where it
   * cannot, they are better off in the channel.
   */
  default boolean hasRoom(String probe) {
    return true;
  }

  /**
   * A life that an earlier run of the agent began goes on; before any of its events, by any thread.
   *
   * @param schema of its events, which may be older than the probe's present one
   * @param events of this life that were handed over and settled before
   */
  default void adopted(String probe, long epoch, Schema schema, long events) {}

  /** A life is over. By any thread. */
  default void ended(ProbeReport last) {}
}
