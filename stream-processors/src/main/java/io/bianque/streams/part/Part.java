package io.bianque.streams.part;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.streams.rule.Spelling;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A part of the stream tier, which can run alone. They meet in topics only.
 *
 * <p>In the order in which they are built: a task's state belongs to its part's number, so a new
 * part comes behind the others.
 */
public enum Part {
  /** Gives events meaning. */
  ENRICH("enrich"),
  /** Has one host asked for each table of symbols that is needed and not there. */
  SYMBOL_REQUESTS("symbol-requests");

  /** The word for all of them. */
  public static final String ALL = "all";

  private final String word;

  Part(String word) {
    this.word = word;
  }

  /** Its name for people. */
  public String word() {
    return word;
  }

  private Set<String> reads() {
    return switch (this) {
      case ENRICH ->
          Set.of(Topics.HOSTS, Topics.CONTAINERS, Topics.COUNTERS, Topics.SYMBOLS, Topics.RULES);
      case SYMBOL_REQUESTS -> Set.of(Topics.SYMBOL_CANDIDATES, Topics.SYMBOLS);
    };
  }

  /**
   * Topics that it writes, whose schemas have to be registered before it can start. Those of each
   * probe are waited for when the probe's events come.
   */
  public Set<String> writes() {
    return switch (this) {
      case ENRICH ->
          Set.of(Topics.NAMES, Topics.LEDGER, Topics.DEAD_LETTER, Topics.SYMBOL_CANDIDATES);
      case SYMBOL_REQUESTS -> Set.of(Topics.SYMBOL_REQUESTS);
    };
  }

  /** Topics that have to be there before these parts can start. */
  public static Set<String> topics(Set<Part> parts) {
    Set<String> topics = new TreeSet<>();
    for (Part part : parts) {
      topics.addAll(part.reads());
      topics.addAll(part.writes());
    }
    return topics;
  }

  /**
   * The parts that are named.
   *
   * @throws Unknown when one is not there, or none is named
   */
  public static Set<Part> named(List<String> words) {
    Set<Part> named = EnumSet.noneOf(Part.class);
    for (String word : words) {
      named.addAll(
          word.equals(ALL)
              ? EnumSet.allOf(Part.class)
              : EnumSet.of(
                  Arrays.stream(values())
                      .filter(part -> part.word.equals(word))
                      .findFirst()
                      .orElseThrow(() -> new Unknown(word))));
    }
    if (named.isEmpty()) {
      throw new Unknown();
    }
    return named;
  }

  /** {@link #named(List)}, of words with commas between them. */
  public static Set<Part> named(String words) {
    return named(
        Arrays.stream(words.split(",")).map(String::strip).filter(w -> !w.isEmpty()).toList());
  }

  /**
   * The application that runs these parts alone: members of a group must have one topology, so each
   * other choice of parts has another id.
   */
  public static String applicationId(String ofAll, Set<Part> parts) {
    return parts.size() == values().length ? ofAll : ofAll + "-" + String.join("-", words(parts));
  }

  /** Their names, in their order. */
  public static List<String> words(Set<Part> parts) {
    return EnumSet.copyOf(parts).stream().map(Part::word).toList();
  }

  /** A part that is not there was named. */
  public static final class Unknown extends RuntimeException {
    private static final long serialVersionUID = 1;

    private Unknown() {
      super("no part is named; there are: " + known());
    }

    private Unknown(String word) {
      super(
          "there is no part '%s'%s; there are: %s"
              .formatted(word, Spelling.hint(word, words(EnumSet.allOf(Part.class))), known()));
    }

    private static String known() {
      return Arrays.stream(values()).map(Part::word).collect(Collectors.joining(", "))
          + "; or "
          + ALL;
    }
  }
}
