import java.util.Map;

/**
 * One process under one load, for some seconds.
 *
 * @param seconds that it was measured
 * @param events of the window, as {@link Subject.Events} has them
 * @param switches context switches of the machine
 * @param packets IP packets received
 * @param programs runs in the window, by id
 * @param names of programs, by id, where they were asked for
 */
record Window(
    String subject,
    Load load,
    double seconds,
    AgentUnderBench.Cost cost,
    Subject.Events events,
    long switches,
    long packets,
    Map<Long, ProgramRuns> programs,
    Map<Long, String> names) {

  Window named(Map<Long, String> byId) {
    return new Window(subject, load, seconds, cost, events, switches, packets, programs, byId);
  }

  double perSecond(long count) {
    return count / seconds;
  }

  /** The kernel's time in its programs, of one CPU. */
  double probesPercent() {
    return 100e-9 * programs.values().stream().mapToLong(ProgramRuns::nanos).sum() / seconds;
  }

  /** The same, of the machine. */
  double machinePercent() {
    return probesPercent() / Runtime.getRuntime().availableProcessors();
  }
}
