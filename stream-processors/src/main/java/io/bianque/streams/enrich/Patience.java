package io.bianque.streams.enrich;

import io.bianque.streams.enrich.Gaps.Awaited;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long an event waits for what it lacks. When one has waited in vain, the next ones need not,
 * for a while. For one thread, a task's.
 */
final class Patience {
  private static final Logger LOG = LoggerFactory.getLogger(Patience.class);

  /**
   * Things known to be absent at most; far more than build ids and hosts that never told, at a
   * time.
   */
  private static final int ABSENT = 10_000;

  private final EnrichSettings settings;
  private final Map<Awaited, Long> absentUntilMs = new HashMap<>();

  Patience(EnrichSettings settings) {
    this.settings = settings;
  }

  /**
   * Whether anything that the event lacks may still come in time. Names of an event that has waited
   * for long may have to be asked for anew: their time is over meanwhile, or another process had
   * asked.
   */
  boolean waits(Gaps gaps, long arrivedMs, long now) {
    boolean waits = false;
    for (Awaited awaited : gaps.awaited()) {
      long since = Math.max(arrivedMs, awaited.sinceMs());
      if (now - since >= most(awaited.kind()).toMillis()) {
        if (awaited.kind() != Gaps.Kind.NAME) {
          absent(awaited, now);
        }
      } else if (!knownAbsent(awaited, now)) {
        waits = true;
      }
    }
    return waits;
  }

  private Duration most(Gaps.Kind kind) {
    return switch (kind) {
      case HOST_FACTS -> settings.factsWait();
      case SYMBOLS -> settings.symbolsWait();
      case CONTAINERS, CGROUP -> settings.containersWait();
      case NAME -> settings.namesWait();
    };
  }

  private void absent(Awaited awaited, long now) {
    if (absentUntilMs.size() >= ABSENT) {
      absentUntilMs.clear();
    }
    boolean news =
        absentUntilMs.putIfAbsent(awaited, now + settings.absentFor().toMillis()) == null;
    // That one of many short-lived cgroups was not seen says nothing of the host.
    if (news && awaited.kind() != Gaps.Kind.CGROUP) {
      LOG.warn("Events go on without {} {}: it has not come", awaited.kind(), awaited.key());
    }
  }

  private boolean knownAbsent(Awaited awaited, long now) {
    Long until = absentUntilMs.get(awaited);
    if (until != null && now >= until) {
      absentUntilMs.remove(awaited);
      return false;
    }
    return until != null;
  }
}
