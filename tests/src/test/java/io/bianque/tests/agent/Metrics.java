package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The agent's metrics page of one moment.
 *
 * @param samples by name and labels as written
 */
record Metrics(Map<String, Double> samples, Map<String, String> types) {
  private static final String NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
  private static final String LABEL = "[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\\\n]|\\\\[\\\\\"n])*\"";
  private static final Pattern HELP = Pattern.compile("# HELP (" + NAME + ") .+");
  private static final Pattern TYPE =
      Pattern.compile("# TYPE (" + NAME + ") (counter|gauge|histogram|summary|untyped)");
  private static final Pattern SAMPLE =
      Pattern.compile("((" + NAME + ")(?:\\{" + LABEL + "(?:," + LABEL + ")*})?) (\\S+)");

  /** Fails where the text is not what Prometheus' text format 0.0.4 allows. */
  static Metrics parse(String text) {
    assertThat(text).endsWith("\n");
    Map<String, Double> samples = new LinkedHashMap<>();
    Map<String, String> types = new HashMap<>();
    Set<String> helped = new HashSet<>();
    String family = "";
    for (String line : text.lines().toList()) {
      Matcher help = HELP.matcher(line);
      Matcher type = TYPE.matcher(line);
      Matcher sample = SAMPLE.matcher(line);
      if (help.matches()) {
        assertThat(helped.add(help.group(1))).as("HELP once: %s", line).isTrue();
      } else if (type.matches()) {
        family = type.group(1);
        assertThat(types.put(family, type.group(2))).as("TYPE once: %s", line).isNull();
      } else {
        assertThat(sample.matches()).as("a sample: %s", line).isTrue();
        assertThat(sample.group(2)).as("stands with its family").isEqualTo(family);
        assertThat(samples.put(sample.group(1), Double.valueOf(sample.group(3))))
            .as("once: %s", line)
            .isNull();
      }
    }
    return new Metrics(samples, types);
  }

  /** Events of the probe's present life: {@code read}, {@code acked} ... */
  long events(String what) {
    String name = "bianque_probe_events_" + what;
    String labels = "{probe=\"" + AgentProcess.PROBE + "\"}";
    Double value = samples.getOrDefault(name + "_total" + labels, samples.get(name + labels));
    assertThat(value).as("%s in %s", what, samples.keySet()).isNotNull();
    return value.longValue();
  }

  /** Given up after encoding, by the reason in words. */
  Map<String, Long> dropped() {
    Map<String, Long> dropped = new HashMap<>();
    String before =
        "bianque_probe_events_spool_dropped_total{probe=\"%s\",reason=\""
            .formatted(AgentProcess.PROBE);
    samples.forEach((name, value) -> {
      if (name.startsWith(before) && value > 0) {
        dropped.put(name.substring(before.length(), name.length() - 2), value.longValue());
      }
    });
    return dropped;
  }

  long droppedInAll() {
    return dropped().values().stream().mapToLong(Long::longValue).sum();
  }

  void mustBalance() {
    assertThat(
            events("encode_failed")
                + events("acked")
                + events("spooled")
                + droppedInAll()
                + events("in_flight"))
        .as("read of %s", samples)
        .isEqualTo(events("read"));
    assertThat(events("attempted"))
        .isEqualTo(events("rate_limited") + events("ring_full") + events("submitted"));
  }
}
