package io.bianque.agent.control;

import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlRequest;
import io.bianque.facts.ControlSelector;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Requests for tests. */
final class Asked {
  static final Instant NOON = Instant.parse("2026-01-31T12:00:00Z");

  private Asked() {}

  static ControlRequest of(ControlAction action, Map<String, String> tunables) {
    return of("r1", NOON, action, tunables, Duration.ofMinutes(10));
  }

  static ControlRequest of(
      String id,
      Instant sentAt,
      ControlAction action,
      Map<String, String> tunables,
      Duration length) {
    return new ControlRequest(
        id,
        sentAt,
        "somebody",
        new ControlSelector(List.of(), Map.of(), null),
        "dropwatch",
        action,
        tunables,
        length.toMillis());
  }
}
