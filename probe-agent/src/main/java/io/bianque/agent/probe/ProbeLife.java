package io.bianque.agent.probe;

import java.util.List;
import java.util.Optional;

/** One life of a probe, from its epoch to its stop. One thread at a time. */
sealed interface ProbeLife permits Running, RunningSource {

  /** Hands events to the sink, at most so many, without waiting; returns how many. */
  int drain(int maxEvents);

  /** Hands what has changed in its counters to the sink. */
  void poll();

  /** Sets the clock offset of what comes from now on. */
  void clockOffset(long nanos);

  /** Its own account, then one of each of its further streams. */
  List<ProbeReport> reports();

  /** Hands on what is left, and ends; the last reports. */
  List<ProbeReport> stop();

  String name();

  /** Time that its programs ran while the kernel measured it, ever; 0 when it has none. */
  long runTimeNanos();

  /** What keeps it in the kernel without this process, if anything does. */
  Optional<Pin> pin();

  /**
   * Ends with this process without stopping: a probe that is pinned goes on, and gives its events
   * to whoever adopts it. To be called when what was read is settled.
   */
  void leave();
}
