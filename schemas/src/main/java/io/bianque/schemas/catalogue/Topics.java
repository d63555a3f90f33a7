package io.bianque.schemas.catalogue;

/** Names of the topics. A test holds them against the catalogue. */
public final class Topics {
  /** All of them begin with it. */
  public static final String PREFIX = "bianque.";

  public static final String HOSTS = "bianque.hosts";
  public static final String CONTAINERS = "bianque.containers";
  public static final String SYMBOLS = "bianque.symbols";
  public static final String COUNTERS = "bianque.counters";
  public static final String SYMBOL_CANDIDATES = "bianque.symbol-candidates";
  public static final String SYMBOL_REQUESTS = "bianque.symbol-requests";
  public static final String NAMES = "bianque.names";
  public static final String CONTROL = "bianque.control";
  public static final String CONTROL_OUTCOMES = "bianque.control-outcomes";
  public static final String RULES = "bianque.rules";
  public static final String LEDGER = "bianque.ledger";
  public static final String DEAD_LETTER = "bianque.dead-letter";

  /** Header of an ignored event: name of the rule that took it out. */
  public static final String RULE_HEADER = "bianque.rule";

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

  /**
   * Copies of enriched events, of any probe, that rules route there. Not in the catalogue, since
   * rules name it.
   */
  public static String routed(String route) {
    return "bianque.routed." + route;
  }

  /** The registry's subject of a topic's values, by Confluent's TopicNameStrategy. */
  public static String subject(String topic) {
    return topic + "-value";
  }
}
