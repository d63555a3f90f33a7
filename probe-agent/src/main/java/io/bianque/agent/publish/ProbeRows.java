package io.bianque.agent.publish;

import io.bianque.agent.probe.ProbeReport;
import io.bianque.agent.probe.ProbeState.Attached;
import io.bianque.agent.probe.ProbeState.Failed;
import io.bianque.agent.probe.ProbeState.Skipped;
import io.bianque.agent.probe.ProbeState.Stopped;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.ProbeState;
import java.time.Instant;

/** Makes the kernel's side of published counters out of a probe's report. */
public final class ProbeRows {
  private ProbeRows() {}

  /** The row of this moment; what becomes of events after encoding is zero in it. */
  public static ProbeCounters of(ProbeReport report, String hostId, String bootId) {
    ProbeCounters row = new ProbeCounters();
    row.setHostId(hostId);
    row.setBootId(bootId);
    row.setEpoch(report.epoch());
    row.setProbe(report.probe());
    row.setTime(Instant.now());
    switch (report.state()) {
      case Attached attached -> {
        row.setState(ProbeState.ATTACHED);
        row.setHook(attached.hook());
        row.setChannel(attached.channel());
      }
      case Skipped skipped -> {
        row.setState(ProbeState.SKIPPED);
        row.setReason(skipped.reason());
      }
      case Failed failed -> {
        row.setState(ProbeState.FAILED);
        row.setReason(failed.reason());
      }
      case Stopped _ -> row.setState(ProbeState.STOPPED);
    }
    row.setAttempted(report.kernel().attempted());
    row.setRateLimited(report.kernel().rateLimited());
    row.setRingFull(report.kernel().ringFull());
    row.setSubmitted(report.kernel().submitted());
    row.setMissed(report.missed());
    row.setRead(report.read());
    row.setEncodeFailed(report.encodeFailed());
    report.runCount().ifPresent(row::setRunCount);
    report.runTimeNs().ifPresent(row::setRunTimeNs);
    return row;
  }
}
