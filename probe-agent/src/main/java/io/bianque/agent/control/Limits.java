package io.bianque.agent.control;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.config.AgentConfig.Control.Range;
import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What requests may ask of this host: its own configuration says so, and no request changes it. */
final class Limits {
  private static final String SECTION = "control.allow.";

  private final AgentConfig.Control allowed;

  Limits(AgentConfig.Control allowed) {
    this.allowed = allowed;
  }

  /** Why a request is refused, with the limit and what was asked; empty when it is not. */
  Optional<String> refusal(ControlRequest request) {
    List<String> reasons = new ArrayList<>();
    String probe = request.getProbe();
    if (allowed.probes().isPresent() && !allowed.probes().get().contains(probe)) {
      reasons.add(
          "probe %s is not in %sprobes, which has %s"
              .formatted(probe, SECTION, String.join(", ", allowed.probes().get())));
    }
    // To go back to this host's own configuration is never too long.
    if (request.getAction() != ControlAction.RESET) {
      duration(request.getValidForMs()).ifPresent(reasons::add);
    }
    boolean takesTunables =
        request.getAction() == ControlAction.START || request.getAction() == ControlAction.TUNE;
    if (!takesTunables && !request.getTunables().isEmpty()) {
      reasons.add(
          "%s takes no tunables, and has %s"
              .formatted(request.getAction(), request.getTunables().keySet()));
    }
    if (request.getAction() == ControlAction.TUNE && request.getTunables().isEmpty()) {
      reasons.add("TUNE without a tunable changes nothing");
    }
    request
        .getTunables()
        .forEach((name, value) -> tunable(probe, name, value).ifPresent(reasons::add));
    return reasons.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", reasons));
  }

  private Optional<String> duration(long millis) {
    if (millis <= 0) {
      return Optional.of("it is to hold for %d ms, which is no time".formatted(millis));
    }
    return millis > allowed.longest().toMillis()
        ? Optional.of(
            "%slongest is %s, asked for is %s"
                .formatted(SECTION, words(allowed.longest()), words(Duration.ofMillis(millis))))
        : Optional.empty();
  }

  private Optional<String> tunable(String probe, String name, String value) {
    Map<String, Range> ranges = allowed.tunables();
    String own = probe + "." + name;
    String key = ranges.containsKey(own) ? own : name;
    Range range = ranges.get(key);
    if (range == null) {
      return Optional.of(
          "tunable %s is in no %stunables, which has %s"
              .formatted(
                  name,
                  SECTION,
                  ranges.isEmpty()
                      ? "none"
                      : String.join(", ", ranges.keySet().stream().sorted().toList())));
    }
    try {
      return range.contains(number(value))
          ? Optional.empty()
          : Optional.of(
              "%stunables.%s is %d to %d, asked for is %s"
                  .formatted(SECTION, key, range.least(), range.most(), value));
    } catch (NumberFormatException e) {
      return Optional.of(
          "%s = %s is no number of 64 bits, true or false".formatted(name, said(value)));
    }
  }

  /** As a probe's tunables are written: a number, true or false. */
  private static long number(String text) {
    return switch (text) {
      case "true" -> 1;
      case "false" -> 0;
      default ->
          text.startsWith("0x") ? Long.parseLong(text.substring(2), 16) : Long.parseLong(text);
    };
  }

  private static String said(String value) {
    return value.length() > 40 ? value.substring(0, 40) + "…" : value;
  }

  private static String words(Duration duration) {
    return duration.toMillis() % 1000 == 0
        ? duration.toSeconds() + " s"
        : duration.toMillis() + " ms";
  }
}
