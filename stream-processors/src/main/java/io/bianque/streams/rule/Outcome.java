package io.bianque.streams.rule;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** What becomes of an event by the rules of its probe. */
public sealed interface Outcome {
  /** No rule holds. */
  Passes UNTOUCHED = new Passes(List.of(), Optional.empty(), OptionalLong.empty(), List.of());

  /**
   * It is taken out. What rules before said of it is not kept: those behind were not asked.
   *
   * @param rule that takes it out
   */
  record Ignored(String rule) implements Outcome {}

  /**
   * It goes on.
   *
   * @param tags each once, in the order of the rules
   * @param severity the highest of those that rules gave it
   * @param sampleRate of the first sample rule that holds: the event was kept out of so many
   * @param routes where copies of it go, each once
   */
  record Passes(
      List<String> tags, Optional<Severity> severity, OptionalLong sampleRate, List<String> routes)
      implements Outcome {

    /** What it is after one more rule that holds. */
    Outcome after(String rule, Action action, String eventId) {
      return switch (action) {
        case Action.Ignore _ -> new Ignored(rule);
        case Action.Tag(String tag) -> new Passes(with(tags, tag), severity, sampleRate, routes);
        case Action.SetSeverity(Severity given) ->
            severity.filter(before -> before.compareTo(given) >= 0).isPresent()
                ? this
                : new Passes(tags, Optional.of(given), sampleRate, routes);
        case Action.Sample _ when sampleRate.isPresent() -> this;
        case Action.Sample(long rate) ->
            Sampling.keeps(eventId, rate)
                ? new Passes(tags, severity, OptionalLong.of(rate), routes)
                : new Ignored(rule);
        case Action.Route(String route) ->
            new Passes(tags, severity, sampleRate, with(routes, route));
      };
    }

    private static List<String> with(List<String> words, String word) {
      if (words.contains(word)) {
        return words;
      }
      String[] all = words.toArray(new String[words.size() + 1]);
      all[words.size()] = word;
      return List.of(all);
    }
  }
}
