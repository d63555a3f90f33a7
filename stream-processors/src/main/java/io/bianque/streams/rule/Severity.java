package io.bianque.streams.rule;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How much an event matters, as a rule says; the least first. */
public enum Severity {
  INFO,
  NOTICE,
  WARNING,
  CRITICAL;

  /** As it stands in files and events. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  static List<String> words() {
    return Arrays.stream(values()).map(Severity::word).toList();
  }

  static Optional<Severity> of(String word) {
    return Arrays.stream(values()).filter(severity -> severity.word().equals(word)).findFirst();
  }
}
