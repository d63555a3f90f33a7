package io.bianque.streams.rule;

import dev.cel.common.CelIssue;
import dev.cel.common.CelValidationException;
import dev.cel.common.CelValidationResult;
import dev.cel.runtime.CelEvaluationException;
import io.bianque.streams.rule.InvalidRules.Mistake;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.snakeyaml.engine.v2.exceptions.Mark;

/**
 * A rules file, checked and ready. Thread-safe; the counts are the only state.
 *
 * <p>What an absent field means: the field is null. {@code ==} and {@code !=} with null have an
 * answer; any other operation on null has none, and neither has an index beyond the end of a list.
 * {@code &&} and {@code ||} decide without such an operand where the other one suffices, as CEL
 * defines. A condition that has no answer does not hold, so an event is never ignored because of
 * what it lacks.
 */
public final class Rules {
  private static final Pattern UNDEFINED_FIELD = Pattern.compile("undefined field '([^']+)'");
  private static final Pattern UNDECLARED = Pattern.compile("undeclared reference to '([^']+)'.*");

  private final String version;
  private final Map<String, ProbeRules> byProbe;

  private Rules(String version, Map<String, ProbeRules> byProbe) {
    this.version = version;
    this.byProbe = byProbe;
  }

  /** No rules: everything passes. */
  public static Rules none() {
    return new Rules("none", Map.of());
  }

  /**
   * Checks a file's text.
   *
   * @param name of the file, for messages
   * @param schemas enriched schema of each probe that a rule may name
   * @param enable rules that apply though the file says {@code enabled: false}
   * @param disable rules that do not apply though the file says so
   * @throws InvalidRules when anything is wrong with it
   */
  public static Rules of(
      String name,
      String text,
      Map<String, Schema> schemas,
      Set<String> enable,
      Set<String> disable) {
    RulesFile file = RulesFile.parse(name, text);
    List<Mistake> mistakes = new ArrayList<>();
    Map<String, List<ProbeRules.Rule>> byProbe = new LinkedHashMap<>();
    Set<String> names = new HashSet<>();
    for (RulesFile.Rule rule : file.rules()) {
      names.add(rule.name());
      Optional<Checked> checked = check(file.name(), rule, schemas, mistakes);
      checked.ifPresent(
          condition -> test(file.name(), rule, condition, schemas.get(rule.probe()), mistakes));
      boolean applies =
          (rule.enabled() || enable.contains(rule.name())) && !disable.contains(rule.name());
      if (checked.isPresent() && applies) {
        byProbe
            .computeIfAbsent(rule.probe(), probe -> new ArrayList<>())
            .add(new ProbeRules.Rule(rule.name(), checked.get()));
      }
    }
    for (Set<String> chosen : List.of(enable, disable)) {
      for (String missing : chosen) {
        if (!names.contains(missing)) {
          mistakes.add(
              new Mistake(
                  file.name(),
                  1,
                  1,
                  null,
                  "the configuration names rule '%s', which is not in this file%s"
                      .formatted(missing, Spelling.hint(missing, names))));
        }
      }
    }
    if (!mistakes.isEmpty()) {
      throw new InvalidRules(mistakes);
    }
    // Which rules apply is part of what a rules version means.
    String version = file.version() + suffix("+", enable) + suffix("-", disable);
    Map<String, ProbeRules> bound = new LinkedHashMap<>();
    byProbe.forEach((probe, rules) -> bound.put(probe, new ProbeRules(rules, schemas.get(probe))));
    return new Rules(version, bound);
  }

  private static String suffix(String sign, Set<String> names) {
    return String.join("", names.stream().sorted().map(name -> sign + name).toList());
  }

  private static Optional<Checked> check(
      String file, RulesFile.Rule rule, Map<String, Schema> schemas, List<Mistake> mistakes) {
    Schema schema = schemas.get(rule.probe());
    if (schema == null) {
      ScalarPlace.Position at = rule.probePlace().position(1, 0);
      mistakes.add(
          new Mistake(
              file,
              at.line(),
              at.column(),
              rule.name(),
              "no probe '%s'%s; known: %s"
                  .formatted(
                      rule.probe(),
                      Spelling.hint(rule.probe(), schemas.keySet()),
                      String.join(", ", schemas.keySet().stream().sorted().toList()))));
      return Optional.empty();
    }
    CelValidationResult result = Checked.compiler(schema).compile(rule.when());
    if (result.hasError()) {
      for (CelIssue issue : result.getErrors()) {
        ScalarPlace.Position at =
            rule.place()
                .position(
                    Math.max(1, issue.getSourceLocation().getLine()),
                    Math.max(0, issue.getSourceLocation().getColumn()));
        mistakes.add(
            new Mistake(
                file, at.line(), at.column(), rule.name(), explained(issue.getMessage(), schema)));
      }
      return Optional.empty();
    }
    try {
      return Optional.of(Checked.of(result.getAst()));
    } catch (CelValidationException | CelEvaluationException e) {
      throw new IllegalStateException(
          "rule '" + rule.name() + "' was checked and cannot be run", e);
    }
  }

  /** Runs the rule's own tests; one that fails is a mistake. */
  private static void test(
      String file, RulesFile.Rule rule, Checked condition, Schema schema, List<Mistake> mistakes) {
    for (RulesFile.Test test : rule.tests()) {
      int before = mistakes.size();
      GenericRecord event =
          new EventReader((node, message) ->
              mistakes.add(mistake(file, node.getStartMark().orElseThrow(), rule.name(), message)))
              .read(test.event(), schema);
      boolean holds = condition.interpreted().test(new Scope(event)) == Answer.TRUE;
      if (mistakes.size() == before && holds != test.ignored()) {
        mistakes.add(
            mistake(
                file,
                test.place(),
                rule.name(),
                "the test's event should be %s, and it is %s: %s"
                    .formatted(
                        outcome(test.ignored()),
                        outcome(holds),
                        Explanation.of(condition, event).inWords())));
      }
    }
  }

  private static String outcome(boolean ignored) {
    return ignored ? "ignored" : "passed";
  }

  private static Mistake mistake(String file, Mark place, String rule, String message) {
    return new Mistake(file, place.getLine() + 1, place.getColumn() + 1, rule, message);
  }

  private static String explained(String message, Schema schema) {
    Matcher undefined = UNDEFINED_FIELD.matcher(message);
    if (undefined.find()) {
      List<String> fields = schema.getFields().stream().map(Schema.Field::name).toList();
      return "no field '%s' in %s%s"
          .formatted(
              undefined.group(1), schema.getFullName(), Spelling.hint(undefined.group(1), fields));
    }
    Matcher undeclared = UNDECLARED.matcher(message);
    if (undeclared.find()) {
      String what = undeclared.group(1);
      String hint =
          what.equals("has")
              ? "write event.FIELD != null"
              : "an event's fields are written event.FIELD";
      return "'" + what + "' is not known: " + hint;
    }
    return message;
  }

  /**
   * Name of the first rule, in the file's order, that takes the event out; empty when it passes.
   */
  public Optional<String> ignoredBy(String probe, GenericRecord event) {
    ProbeRules rules = byProbe.get(probe);
    return rules == null ? Optional.empty() : rules.ignoredBy(event);
  }

  /** What each rule of the probe says of an event, in the file's order; counts nothing. */
  public List<Verdict> explain(String probe, GenericRecord event) {
    ProbeRules rules = byProbe.get(probe);
    return rules == null
        ? List.of()
        : rules.rules().stream()
            .map(rule -> new Verdict(rule.name(), Explanation.of(rule.condition(), event)))
            .toList();
  }

  /** Names of the rules that apply, in the file's order by probe. */
  public List<String> names() {
    return rules().map(ProbeRules.Rule::name).toList();
  }

  /**
   * Says which file, and which of its rules apply: hash of its text, then what the configuration
   * switched.
   */
  public String version() {
    return version;
  }

  /** Events taken out since the start, by rule. */
  public Map<String, Long> ignored() {
    return counts(ProbeRules.Rule::ignored);
  }

  /**
   * Evaluations without an answer since the start, by rule: a field was absent, a list too short, a
   * number too big.
   */
  public Map<String, Long> unanswered() {
    return counts(ProbeRules.Rule::unanswered);
  }

  private Map<String, Long> counts(Function<ProbeRules.Rule, LongAdder> count) {
    Map<String, Long> counts = new HashMap<>();
    rules().forEach(rule -> counts.put(rule.name(), count.apply(rule).sum()));
    return counts;
  }

  /** What keeps a rule from being compiled, by rule; it costs many times what the others do. */
  public Map<String, String> interpreted() {
    Map<String, String> found = new LinkedHashMap<>();
    byProbe.values().forEach(rules -> found.putAll(rules.interpreted()));
    return found;
  }

  private Stream<ProbeRules.Rule> rules() {
    return byProbe.values().stream().flatMap(probe -> probe.rules().stream());
  }
}
