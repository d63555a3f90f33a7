package io.bianque.streams.rule;

/** What a rule does with an event that it holds for. */
public sealed interface Action {
  /** Takes it out. */
  record Ignore() implements Action {}

  /** Adds a tag. */
  record Tag(String tag) implements Action {}

  /** Says how much it matters; of several rules the highest counts. */
  record SetSeverity(Severity severity) implements Action {}

  /** Keeps one in so many, and takes the others out. */
  record Sample(long rate) implements Action {}

  /** Sends a copy to the topic of that route too. */
  record Route(String route) implements Action {}

  /** As it is written in files. */
  default String kind() {
    return switch (this) {
      case Ignore _ -> "ignore";
      case Tag _ -> "tag";
      case SetSeverity _ -> "severity";
      case Sample _ -> "sample";
      case Route _ -> "route";
    };
  }

  /** For people. */
  default String words() {
    return switch (this) {
      case Ignore _ -> "ignore";
      case Tag(String tag) -> "tag " + tag;
      case SetSeverity(Severity severity) -> "severity " + severity.word();
      case Sample(long rate) -> "sample " + rate;
      case Route(String route) -> "route " + route;
    };
  }

  /** Whether it needs the fields of an event that are for rules. */
  default boolean writes() {
    return switch (this) {
      case Ignore _, Route _ -> false;
      case Tag _, SetSeverity _, Sample _ -> true;
    };
  }
}
