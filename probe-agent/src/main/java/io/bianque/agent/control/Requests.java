package io.bianque.agent.control;

import io.bianque.facts.ControlRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The requests of the topic that concern this host and whose time is not over. For one thread. */
final class Requests {
  private final Map<String, Known> known = new HashMap<>();

  /**
   * A request of which this host has said what becomes of it.
   *
   * @param endsAt by this host's clock
   * @param holds false when it was refused: it is remembered so that it is refused once
   */
  record Known(ControlRequest request, Instant endsAt, boolean holds) {}

  /** Whether this very request was there before. */
  boolean has(ControlRequest request) {
    Known before = known.get(request.getRequestId());
    return before != null && before.request().equals(request);
  }

  /**
   * When a request that comes now ends. However wrong the sender's clock is, it holds no longer
   * than it says.
   */
  static Instant endsAt(ControlRequest request, Instant now) {
    Duration validFor = Duration.ofMillis(Math.max(0, request.getValidForMs()));
    Instant bySender = plus(request.getSentAt(), validFor);
    Instant atMost = plus(now, validFor);
    return bySender.isBefore(atMost) ? bySender : atMost;
  }

  private static Instant plus(Instant begin, Duration length) {
    Duration room = Duration.between(begin, Instant.MAX);
    return begin.plus(length.compareTo(room) < 0 ? length : room);
  }

  /** Puts one in the place of an earlier one of its id. */
  void put(Known request) {
    known.put(request.request().getRequestId(), request);
  }

  /** Takes out a request; empty when there is none that holds. */
  Optional<Known> remove(String id) {
    return Optional.ofNullable(known.remove(id)).filter(Known::holds);
  }

  /** Takes out those whose time is over; those of them that held are returned. */
  List<Known> removeEnded(Instant now) {
    List<Known> ended =
        known.values().stream().filter(each -> !each.endsAt().isAfter(now)).toList();
    ended.forEach(each -> known.remove(each.request().getRequestId()));
    return ended.stream().filter(Known::holds).toList();
  }

  /** Those that hold, in the order in which they were sent. */
  List<Known> holding() {
    List<Known> holding = new ArrayList<>(known.values().stream().filter(Known::holds).toList());
    holding.sort(
        Comparator.comparing((Known each) -> each.request().getSentAt())
            .thenComparing(each -> each.request().getRequestId()));
    return holding;
  }

  /** Those that hold for a probe. */
  List<ControlRequest> holding(String probe) {
    return holding().stream()
        .map(Known::request)
        .filter(request -> request.getProbe().equals(probe))
        .toList();
  }

  /** When the next one ends. */
  Optional<Instant> nextEnd() {
    return known.values().stream().map(Known::endsAt).min(Comparator.naturalOrder());
  }
}
