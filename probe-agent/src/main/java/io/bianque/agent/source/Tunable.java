package io.bianque.agent.source;

/**
 * A number that an operator may set.
 *
 * @param name as in {@code probes.<source>.<name>}
 */
public record Tunable(String name, long byDefault, long least, long most) {
  /** Records of {@link Source#drain} a second; 0: no limit. Kept by whoever runs the source. */
  public static final String MAX_EVENTS_PER_SECOND = "max_events_per_second";

  static Tunable maxEventsPerSecond(long byDefault) {
    return new Tunable(MAX_EVENTS_PER_SECOND, byDefault, 0, 1_000_000);
  }

  /** The values it takes, in words. */
  public String allowed() {
    return least + " to " + most;
  }

  /**
   * The value that was asked for.
   *
   * @throws NumberFormatException when it does not fit
   */
  long parse(String text) {
    long value = Long.parseLong(text);
    if (value < least || value > most) {
      throw new NumberFormatException(text);
    }
    return value;
  }
}
