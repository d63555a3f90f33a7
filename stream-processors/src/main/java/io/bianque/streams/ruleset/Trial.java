package io.bianque.streams.ruleset;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.streams.rule.Outcome;
import io.bianque.streams.rule.Rules;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.avro.generic.GenericRecord;

/** What rules would have made of events that others have decided. For one thread. */
public final class Trial {
  private static final int EXAMPLES = 3;

  /** Events of one probe, by what was decided then and what would be now. */
  static final class Probe {
    long passesBoth;
    long ignoredBoth;
    long newlyIgnored;
    long newlyPasses;

    long events() {
      return passesBoth + ignoredBoth + newlyIgnored + newlyPasses;
    }
  }

  /** A rule of one probe. */
  record RuleOf(String probe, String rule) implements Comparable<RuleOf> {
    @Override
    public int compareTo(RuleOf other) {
      int byProbe = probe.compareTo(other.probe);
      return byProbe != 0 ? byProbe : rule.compareTo(other.rule);
    }
  }

  /** What comes of one rule; {@code different}: decided otherwise than it was. */
  static final class Effect {
    long holds;
    long takesOut;
    long different;
    final List<String> examples = new ArrayList<>();

    void different(String eventId) {
      different++;
      if (examples.size() < EXAMPLES) {
        examples.add(eventId);
      }
    }
  }

  private final Rules rules;
  private final Map<String, Probe> probes = new TreeMap<>();

  /** In the file's order. */
  private final Map<RuleOf, Effect> now = new LinkedHashMap<>();

  private final Map<RuleOf, Effect> then = new TreeMap<>();

  public Trial(Rules rules) {
    this.rules = rules;
    rules.namesByProbe().forEach((probe, names) -> names.forEach(name -> effect(now, probe, name)));
  }

  /**
   * Asks the rules.
   *
   * @param ignoredBy the rule that took the event out then; empty when it passed
   */
  void add(String probe, GenericRecord event, Optional<String> ignoredBy) {
    String id = event.get("event_id").toString();
    Probe counts = probes.computeIfAbsent(probe, name -> new Probe());
    rules.holding(probe, event).forEach(rule -> effect(now, probe, rule).holds++);
    Optional<String> takenOutBy =
        rules.decide(probe, id, event) instanceof Outcome.Ignored(String rule)
            ? Optional.of(rule)
            : Optional.empty();
    takenOutBy.ifPresent(rule -> effect(now, probe, rule).takesOut++);
    ignoredBy.ifPresent(rule -> effect(then, probe, rule).takesOut++);
    if (takenOutBy.isPresent() == ignoredBy.isPresent()) {
      if (ignoredBy.isPresent()) {
        counts.ignoredBoth++;
      } else {
        counts.passesBoth++;
      }
    } else if (takenOutBy.isPresent()) {
      counts.newlyIgnored++;
      effect(now, probe, takenOutBy.get()).different(id);
    } else {
      counts.newlyPasses++;
      effect(then, probe, ignoredBy.get()).different(id);
    }
  }

  private static Effect effect(Map<RuleOf, Effect> effects, String probe, String rule) {
    return effects.computeIfAbsent(new RuleOf(probe, rule), key -> new Effect());
  }

  long events() {
    return probes.values().stream().mapToLong(Probe::events).sum();
  }

  /** For people, without the last line's end. */
  public String text() {
    if (probes.isEmpty()) {
      return "no events";
    }
    List<List<String>> byProbe = new ArrayList<>();
    byProbe.add(
        List.of("PROBE", "EVENTS", "NOW IGNORED", "NOW PASS", "STILL IGNORED", "STILL PASS"));
    probes.forEach((probe, counts) ->
        byProbe.add(
            List.of(
                probe,
                number(counts.events()),
                number(counts.newlyIgnored),
                number(counts.newlyPasses),
                number(counts.ignoredBoth),
                number(counts.passesBoth))));
    List<String> lines = new ArrayList<>(Table.lines(byProbe));
    lines.add("");
    List<List<String>> byRule = new ArrayList<>();
    byRule.add(
        List.of("RULE", "PROBE", "HOLDS FOR", "TAKES OUT", "THAT PASSED THEN", "FOR EXAMPLE"));
    now.forEach((rule, effect) ->
        byRule.add(
            List.of(
                rule.rule(),
                rule.probe(),
                number(effect.holds),
                number(effect.takesOut),
                number(effect.different),
                String.join(" ", effect.examples))));
    lines.addAll(Table.lines(byRule));
    if (!then.isEmpty()) {
      lines.add("");
      List<List<String>> before = new ArrayList<>();
      before.add(List.of("RULE THEN", "PROBE", "TOOK OUT", "THAT WOULD PASS", "FOR EXAMPLE"));
      then.forEach((rule, effect) ->
          before.add(
              List.of(
                  rule.rule(),
                  rule.probe(),
                  number(effect.takesOut),
                  number(effect.different),
                  String.join(" ", effect.examples))));
      lines.addAll(Table.lines(before));
    }
    return String.join("\n", lines);
  }

  private static String number(long number) {
    return "%,d".formatted(number);
  }

  /** For programs. */
  public ObjectNode json() {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    all.put("events", events());
    ArrayNode byProbe = all.putArray("probes");
    probes.forEach((probe, counts) ->
        byProbe
            .addObject()
            .put("probe", probe)
            .put("events", counts.events())
            .put("now_ignored", counts.newlyIgnored)
            .put("now_pass", counts.newlyPasses)
            .put("still_ignored", counts.ignoredBoth)
            .put("still_pass", counts.passesBoth));
    ArrayNode byRule = all.putArray("rules");
    now.forEach((rule, effect) ->
        examples(
            byRule
                .addObject()
                .put("rule", rule.rule())
                .put("probe", rule.probe())
                .put("holds", effect.holds)
                .put("takes_out", effect.takesOut)
                .put("passed_then", effect.different),
            effect));
    ArrayNode before = all.putArray("rules_then");
    then.forEach((rule, effect) ->
        examples(
            before
                .addObject()
                .put("rule", rule.rule())
                .put("probe", rule.probe())
                .put("took_out", effect.takesOut)
                .put("would_pass", effect.different),
            effect));
    return all;
  }

  private static void examples(ObjectNode node, Effect effect) {
    ArrayNode examples = node.putArray("examples");
    effect.examples.forEach(examples::add);
  }
}
