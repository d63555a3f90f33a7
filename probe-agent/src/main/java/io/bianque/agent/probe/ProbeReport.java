package io.bianque.agent.probe;

import io.bianque.agent.encode.EncodeFailure;
import java.util.Map;
import java.util.OptionalLong;

/**
 * A probe and its account, all counts cumulative since its epoch. Those of a probe that was stopped
 * stay until it is started again.
 *
 * @param probe its name; of a polled map {@code <probe>_<map>}, whose events are its records
 * @param epoch wall time in ns at which its counters were created, unique; 0 when it never ran
 * @param kernel what its program counted
 * @param read taken from the channel, {@code kernel.submitted} less what waits in it
 * @param encodeFailures of those, the ones that could not be encoded, by reason; all others went to
 *     the sink
 * @param missed runs that the kernel left out because the program was running already, of a polled
 *     map what found no room in it; not in {@code kernel.attempted}
 * @param runCount runs of its programs; empty unless kernel.bpf_stats_enabled is 1
 * @param runTimeNs time in those runs
 */
public record ProbeReport(
    String probe,
    long epoch,
    ProbeState state,
    KernelCounters kernel,
    long read,
    Map<EncodeFailure, Long> encodeFailures,
    long missed,
    OptionalLong runCount,
    OptionalLong runTimeNs) {

  /** Events that could not be encoded, for whatever reason. */
  public long encodeFailed() {
    return encodeFailures.values().stream().mapToLong(Long::longValue).sum();
  }

  static ProbeReport none(String probe, ProbeState state) {
    return new ProbeReport(
        probe,
        0,
        state,
        KernelCounters.NONE,
        0,
        Map.of(),
        0,
        OptionalLong.empty(),
        OptionalLong.empty());
  }

  ProbeReport with(ProbeState newState) {
    return new ProbeReport(
        probe, epoch, newState, kernel, read, encodeFailures, missed, runCount, runTimeNs);
  }
}
