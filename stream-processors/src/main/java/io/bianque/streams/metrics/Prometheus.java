package io.bianque.streams.metrics;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
    Map<List<String>, Long> sorted = new LinkedHashMap<>();
    new TreeMap<>(values).forEach((key, value) -> sorted.put(List.of(key), value));
    counter(name, help, List.of(label), sorted);
  }

  /**
   * A counter with several labels.
   *
   * @param values by the labels' values, as many as there are labels
   */
  public void counter(
      String name, String help, List<String> labels, Map<List<String>, Long> values) {
    head(name, "counter", help);
    values.forEach((keys, value) -> {
      List<String> pairs = new ArrayList<>();
      for (int i = 0; i < labels.size(); i++) {
        pairs.add(labels.get(i) + "=\"" + escaped(keys.get(i)) + '"');
      }
      line(name, String.join(",", pairs), Long.toString(value));
    });
  }

  public void counter(String name, String help, long value) {
    head(name, "counter", help);
    text.append(name).append(' ').append(value).append('\n');
  }

  public void gauge(String name, String help, double value) {
    head(name, "gauge", help);
    text.append(name).append(' ').append(number(value)).append('\n');
  }

  /** A gauge with a label. */
  public void gauge(String name, String help, String label, Map<String, Double> values) {
    head(name, "gauge", help);
    new TreeMap<>(values)
        .forEach((key, value) -> line(name, label + "=\"" + escaped(key) + '"', number(value)));
  }

  /** A histogram in seconds. */
  void histogram(String name, String help, String label, Map<String, Latency.Snapshot> values) {
    head(name, "histogram", help);
    values.forEach((key, value) -> histogram(name, label + "=\"" + escaped(key) + '"', value));
  }

  private void histogram(String name, String label, Latency.Snapshot value) {
    long cumulative = 0;
    for (int i = 0; i < value.counts().length; i++) {
      cumulative += value.counts()[i];
      String bound = i < value.boundsMs().length ? number(value.boundsMs()[i] / 1000.0) : "+Inf";
      line(name + "_bucket", label + ",le=\"" + bound + '"', Long.toString(cumulative));
    }
    line(name + "_sum", label, number(value.sumMs() / 1000.0));
    line(name + "_count", label, Long.toString(cumulative));
  }

  private void line(String name, String labels, String value) {
    text.append(name).append('{').append(labels).append("} ").append(value).append('\n');
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
