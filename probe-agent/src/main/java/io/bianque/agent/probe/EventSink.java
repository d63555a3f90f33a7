package io.bianque.agent.probe;

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
   */
  void event(String probe, long epoch, long wallNanos, byte[] buffer, int offset, int length);
}
