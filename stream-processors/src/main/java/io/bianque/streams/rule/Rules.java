package io.bianque.streams.rule;

import dev.cel.common.CelIssue;
import dev.cel.common.CelValidationException;
import dev.cel.common.CelValidationResult;
import dev.cel.runtime.CelEvaluationException;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.streams.rule.InvalidRules.Mistake;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
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
  private final List<RoutedTo> routes;

  /**
   * A topic that a rule routes to.
   *
   * @param file of the rule
   * @param place where it says so
   */
  private record RoutedTo(String topic, String file, Mark place, String rule) {}

  private Rules(String version, Map<String, ProbeRules> byProbe, List<RoutedTo> routes) {
    this.version = version;
    this.byProbe = byProbe;
    this.routes = List.copyOf(routes);
  }

  /** No rules: everything passes. */
  public static Rules none() {
    return new Rules("none", Map.of(), List.of());
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
    List<RoutedTo> routes = new ArrayList<>();
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
            .add(new ProbeRules.Rule(rule.name(), checked.get(), rule.action()));
        if (rule.action() instanceof Action.Route(String route)) {
          routes.add(
              new RoutedTo(Topics.routed(route), file.name(), rule.actionPlace(), rule.name()));
        }
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
    return new Rules(version, bound, routes);
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
    if (rule.action().writes() && !BoundRules.isTagged(schema)) {
      mistakes.add(
          mistake(
              file,
              rule.actionPlace(),
              rule.name(),
              "events of probe '%s' have no field for it: its schema does not say \"%s\": true"
                  .formatted(rule.probe(), EnrichedSchema.TAGGED_PROPERTY)));
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
      if (mistakes.size() == before && holds != test.holds()) {
        mistakes.add(
            mistake(
                file,
                test.place(),
                rule.name(),
                "the test's outcome should be '%s', and it is '%s': %s"
                    .formatted(
                        test.outcome(),
                        test.otherOutcome(),
                        Explanation.of(condition, event).inWords())));
      }
    }
  }

  private static Mistake mistake(String file, Mark place, String rule, String message) {
    return new Mistake(file, place.getLine() + 1, place.getColumn() + 1, rule, message);
  }

  private static String explained(String message, Schema schema) {
    Matcher undefined = UNDEFINED_FIELD.matcher(message);
    if (undefined.find() && EnrichedSchema.OF_RULES.contains(undefined.group(1))) {
      return "'%s' is what rules say of an event; it is not there yet when they are asked"
          .formatted(undefined.group(1));
    }
    if (undefined.reset().find()) {
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
   * What becomes of the event: each rule of its probe is asked, in the file's order, until one
   * takes it out.
   *
   * @param eventId by which it is in a sample or not
   */
  public Outcome decide(String probe, String eventId, GenericRecord event) {
    ProbeRules rules = byProbe.get(probe);
    return rules == null ? Outcome.UNTOUCHED : rules.decide(eventId, event);
  }

  /**
   * Names of all rules that hold for an event, in the file's order, whichever decides; counts
   * nothing.
   */
  public List<String> holding(String probe, GenericRecord event) {
    ProbeRules rules = byProbe.get(probe);
    return rules == null ? List.of() : rules.holding(event);
  }

  /** What each rule of the probe says of an event, in the file's order; counts nothing. */
  public Verdicts explain(String probe, GenericRecord event) {
    ProbeRules rules = byProbe.get(probe);
    List<Verdict> verdicts =
        rules == null
            ? List.of()
            : rules.rules().stream()
                .map(rule ->
                    new Verdict(
                        rule.name(), rule.action(), Explanation.of(rule.condition(), event)))
                .toList();
    return new Verdicts(verdicts, event.get("event_id") instanceof String id ? id : "");
  }

  /**
   * What is wrong with rules that route to a topic which is not there.
   *
   * @param there topics that are
   */
  public List<Mistake> missingRoutes(Set<String> there) {
    return routes.stream()
        .filter(route -> !there.contains(route.topic()))
        .map(route ->
            mistake(
                route.file(),
                route.place(),
                route.rule(),
                "topic %s is not there; make it: bianque topics route %s"
                    .formatted(route.topic(), route.topic().substring(Topics.routed("").length()))))
        .toList();
  }

  /**
   * Refuses rules that route to a topic which is not there.
   *
   * @param topics that are there; asked for only if a rule routes
   * @throws InvalidRules naming each
   */
  public void requireRoutes(Supplier<Set<String>> topics) {
    List<Mistake> missing = routes.isEmpty() ? List.of() : missingRoutes(topics.get());
    if (!missing.isEmpty()) {
      throw new InvalidRules(missing);
    }
  }

  /** Names of the rules that apply, in the file's order by probe. */
  public List<String> names() {
    return rules().map(ProbeRules.Rule::name).toList();
  }

  /** The same by probe, for those that have rules. */
  public Map<String, List<String>> namesByProbe() {
    Map<String, List<String>> names = new LinkedHashMap<>();
    byProbe.forEach((probe, rules) ->
        names.put(probe, rules.rules().stream().map(ProbeRules.Rule::name).toList()));
    return names;
  }

  /**
   * Says which file, and which of its rules apply: hash of its text, then what the configuration
   * switched.
   */
  public String version() {
    return version;
  }

  /** How often a rule held since the start, by its name and the kind of its action. */
  public Map<List<String>, Long> held() {
    Map<List<String>, Long> held = new LinkedHashMap<>();
    rules()
        .forEach(rule -> held.put(List.of(rule.name(), rule.action().kind()), rule.held().sum()));
    return held;
  }

  /**
   * Evaluations without an answer since the start, by rule: a field was absent, a list too short, a
   * number too big.
   */
  public Map<String, Long> unanswered() {
    Map<String, Long> unanswered = new HashMap<>();
    rules().forEach(rule -> unanswered.put(rule.name(), rule.unanswered().sum()));
    return unanswered;
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
