package io.bianque.streams.rule;

import java.util.List;

/** A rules file that does not apply, with every mistake found in it. */
public final class InvalidRules extends RuntimeException {
  /**
   * One mistake.
   *
   * @param file as it was given
   * @param line from 1
   * @param column from 1
   * @param rule the rule's name, or null when it has none
   * @param message what is wrong, and what was probably meant
   */
  public record Mistake(String file, int line, int column, String rule, String message) {
    @Override
    public String toString() {
      return file
          + ":"
          + line
          + ":"
          + column
          + ": "
          + (rule == null ? "" : "rule '" + rule + "': ")
          + message;
    }
  }

  private final List<Mistake> mistakes;

  public InvalidRules(List<Mistake> mistakes) {
    super(String.join("\n", mistakes.stream().map(Mistake::toString).toList()));
    this.mistakes = List.copyOf(mistakes);
  }

  public List<Mistake> mistakes() {
    return mistakes;
  }
}
