package io.bianque.streams.enrich;

import io.bianque.facts.SymbolRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Proposes hosts that could publish a table of symbols: the host of an event has the tables that
 * the event needs. For one thread, a task's.
 */
final class SymbolCandidates {
  /**
   * Between two hosts that are proposed for a table: far shorter than one has to answer. An event
   * that waits is looked at again and again, and must not leave the others no turn.
   */
  private static final Duration ANOTHER = Duration.ofSeconds(5);

  private static final Duration SAME = Duration.ofSeconds(30);

  /** Tables at most; far more than are missing at a time. */
  private static final int TABLES = 10_000;

  private final Map<Gaps.Table, Proposed> last = new HashMap<>();

  private record Proposed(String hostId, long atMs) {}

  /** A proposal, if it is time for one. */
  Optional<SymbolRequest> propose(Gaps.Table table, String hostId, long now) {
    Proposed before = last.get(table);
    if (before != null) {
      Duration pause = before.hostId().equals(hostId) ? SAME : ANOTHER;
      if (now - before.atMs() < pause.toMillis()) {
        return Optional.empty();
      }
    }
    if (last.size() >= TABLES) {
      last.clear();
    }
    last.put(table, new Proposed(hostId, now));
    return Optional.of(
        new SymbolRequest(table.buildId(), table.object(), hostId, Instant.ofEpochMilli(now)));
  }
}
