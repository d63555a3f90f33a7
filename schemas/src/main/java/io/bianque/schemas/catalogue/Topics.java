package io.bianque.schemas.catalogue;

/** Names of the topics. A test holds them against the catalogue. */
public final class Topics {
  public static final String HOSTS = "bianque.hosts";
  public static final String CONTAINERS = "bianque.containers";
  public static final String SYMBOLS = "bianque.symbols";
  public static final String COUNTERS = "bianque.counters";
  public static final String SYMBOL_CANDIDATES = "bianque.symbol-candidates";
  public static final String SYMBOL_REQUESTS = "bianque.symbol-requests";
  public static final String CONTROL = "bianque.control";
  public static final String CONTROL_OUTCOMES = "bianque.control-outcomes";
  public static final String LEDGER = "bianque.ledger";
  public static final String DEAD_LETTER = "bianque.dead-letter";

  private Topics() {}

  /** Events of a probe as the agents saw them. */
  public static String raw(String probe) {
    return "bianque.raw." + probe;
  }

  /** Events of a probe with meaning given to them. */
  public static String enriched(String probe) {
    return "bianque.enriched." + probe;
  }

  /** Enriched events of a probe that a rule took out. */
  public static String ignored(String probe) {
    return "bianque.ignored." + probe;
  }

  /** The registry's subject of a topic's values, by Confluent's TopicNameStrategy. */
  public static String subject(String topic) {
    return topic + "-value";
  }
}
