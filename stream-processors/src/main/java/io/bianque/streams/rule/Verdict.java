package io.bianque.streams.rule;

/** What a rule says of one event, and why. */
public record Verdict(String rule, Action action, Explanation why) {
  public boolean holds() {
    return why.value().equals("true");
  }

  /** In words. */
  public String answer() {
    return switch (why.value()) {
      case "true" -> "holds";
      case "false" -> "does not hold";
      default -> "has no answer";
    };
  }
}
