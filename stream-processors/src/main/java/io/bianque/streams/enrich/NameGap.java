package io.bianque.streams.enrich;

/** How an event says that one of its names is missing. Thread-safe. */
final class NameGap {
  private record Said(String reason, String text) {}

  private final String field;

  /** While no server answers every event says the same. */
  private Said last = new Said("", "");

  /**
   * @param field of the name
   */
  NameGap(String field) {
    this.field = field;
  }

  /** What the event says. */
  String text(String reason) {
    Said said = last;
    if (!said.reason().equals(reason)) {
      said = new Said(reason, field + ": " + reason);
      last = said;
    }
    return said.text();
  }
}
