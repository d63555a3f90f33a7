package io.bianque.agent.probe;

/** For the one who takes an event, to say that it is safe. */
@FunctionalInterface
public interface Receipt {
  /** Nobody waits to hear it. */
  Receipt NONE = () -> {};

  /**
   * The event is with the broker, on disk, or given up and counted: the end of this process does
   * not lose it any more. To be called once; any thread.
   */
  void settled();
}
