package io.bianque.streams.metrics;

import java.util.Map;
import java.util.TreeMap;

/** Prometheus' text format 0.0.4. For one thread. */
public final class Prometheus {
  private final StringBuilder text = new StringBuilder(4096);

  private void head(String name, String type, String help) {
    text.append("# HELP ").append(name).append(' ').append(help).append('\n');
    text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  public void counter(String name, String help, String label, Map<String, Long> values) {
    head(name, "counter", help);
    new TreeMap<>(values)
        .forEach((key, value) ->
            text.append(name)
                .append('{')
                .append(label)
                .append("=\"")
                .append(escaped(key))
                .append("\"} ")
                .append(value)
                .append('\n'));
  }

  public void gauge(String name, String help, double value) {
    head(name, "gauge", help);
    text.append(name).append(' ').append(number(value)).append('\n');
  }

  /**
   * A histogram in seconds.
   *
   * @param boundsMs upper bounds in ms, ascending
   * @param counts for each bound what is at or below it and above the one before, and last what is
   *     above all
   */
  public void histogram(String name, String help, long[] boundsMs, long[] counts, long sumMs) {
    head(name, "histogram", help);
    long cumulative = 0;
    for (int i = 0; i < counts.length; i++) {
      cumulative += counts[i];
      String bound = i < boundsMs.length ? number(boundsMs[i] / 1000.0) : "+Inf";
      text.append(name)
          .append("_bucket{le=\"")
          .append(bound)
          .append("\"} ")
          .append(cumulative)
          .append('\n');
    }
    text.append(name).append("_sum ").append(number(sumMs / 1000.0)).append('\n');
    text.append(name).append("_count ").append(cumulative).append('\n');
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  private static String escaped(String label) {
    return label.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
