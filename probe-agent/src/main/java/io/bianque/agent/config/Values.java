package io.bianque.agent.config;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads durations and sizes with their units. A value that cannot be read is an
 * IllegalArgumentException that says what can.
 */
final class Values {
  private static final Pattern NUMBER_WITH_UNIT = Pattern.compile("(\\d{1,18})\\s*([a-zA-Z]*)");

  /** So that it can be counted in nanoseconds with room to spare. */
  private static final Duration LONGEST = Duration.ofDays(10_000);

  private Values() {}

  static Duration duration(String text) {
    Matcher matcher = NUMBER_WITH_UNIT.matcher(text.strip());
    if (matcher.matches()) {
      long number = Long.parseLong(matcher.group(1));
      Duration unit =
          switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(1);
            case "s" -> Duration.ofSeconds(1);
            case "m" -> Duration.ofMinutes(1);
            case "h" -> Duration.ofHours(1);
            default -> Duration.ZERO;
          };
      if (!unit.isZero() && number <= LONGEST.dividedBy(unit)) {
        return unit.multipliedBy(number);
      }
    }
    throw new IllegalArgumentException("a duration with its unit (ms, s, m, h), as 500ms or 10s");
  }

  static String text(Duration duration) {
    long millis = duration.toMillis();
    return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
  }

  static long bytes(String text) {
    Matcher matcher = NUMBER_WITH_UNIT.matcher(text.strip());
    if (matcher.matches()) {
      int shift =
          switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
            case "", "b" -> 0;
            case "kib" -> 10;
            case "mib" -> 20;
            case "gib" -> 30;
            default -> -1;
          };
      long number = Long.parseLong(matcher.group(1));
      if (shift >= 0 && number <= Long.MAX_VALUE >> shift) {
        return number << shift;
      }
    }
    throw new IllegalArgumentException(
        "a size in bytes or with its unit (KiB, MiB, GiB), as 256MiB");
  }
}
