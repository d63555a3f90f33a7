package io.bianque.streams.rule;

import dev.cel.common.CelIssue;
import dev.cel.common.CelValidationException;
import dev.cel.common.CelValidationResult;
import dev.cel.common.types.SimpleType;
import dev.cel.common.types.StructTypeReference;
import dev.cel.compiler.CelCompiler;
import dev.cel.compiler.CelCompilerFactory;
import dev.cel.parser.CelStandardMacro;
import dev.cel.runtime.CelEvaluationException;
import dev.cel.runtime.CelRuntime;
import dev.cel.runtime.CelRuntimeFactory;
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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

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
  private final Map<String, List<Rule>> byProbe;

  private record Rule(
      String name, CelRuntime.Program program, LongAdder ignored, LongAdder unanswered) {}

  private Rules(String version, Map<String, List<Rule>> byProbe) {
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
    Map<String, List<Rule>> byProbe = new LinkedHashMap<>();
    Set<String> names = new HashSet<>();
    for (RulesFile.Rule rule : file.rules()) {
      names.add(rule.name());
      Optional<CelRuntime.Program> program = compile(file.name(), rule, schemas, mistakes);
      boolean applies =
          (rule.enabled() || enable.contains(rule.name())) && !disable.contains(rule.name());
      if (program.isPresent() && applies) {
        byProbe
            .computeIfAbsent(rule.probe(), probe -> new ArrayList<>())
            .add(new Rule(rule.name(), program.get(), new LongAdder(), new LongAdder()));
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
    return new Rules(version, byProbe);
  }

  private static String suffix(String sign, Set<String> names) {
    return String.join("", names.stream().sorted().map(name -> sign + name).toList());
  }

  private static Optional<CelRuntime.Program> compile(
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
    CelCompiler compiler =
        CelCompilerFactory.standardCelCompilerBuilder()
            // Without has(): a field that the schema declares is always there, and may be null.
            .setStandardMacros(
                CelStandardMacro.ALL,
                CelStandardMacro.EXISTS,
                CelStandardMacro.EXISTS_ONE,
                CelStandardMacro.FILTER,
                CelStandardMacro.MAP)
            .setTypeProvider(new EventType(schema))
            .addVar("event", StructTypeReference.create(schema.getFullName()))
            .setResultType(SimpleType.BOOL)
            .build();
    CelValidationResult result = compiler.compile(rule.when());
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
      return Optional.of(
          CelRuntimeFactory.standardCelRuntimeBuilder().build().createProgram(result.getAst()));
    } catch (CelValidationException | CelEvaluationException e) {
      throw new IllegalStateException(
          "rule '" + rule.name() + "' was checked and cannot be run", e);
    }
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
    List<Rule> rules = byProbe.get(probe);
    if (rules == null) {
      return Optional.empty();
    }
    EventView view = new EventView(event);
    for (Rule rule : rules) {
      if (holds(rule, view)) {
        rule.ignored().increment();
        return Optional.of(rule.name());
      }
    }
    return Optional.empty();
  }

  private static boolean holds(Rule rule, EventView event) {
    try {
      return rule.program()
                  .eval(name -> name.equals("event") ? Optional.of(event) : Optional.empty())
              instanceof Boolean answer
          && answer;
    } catch (CelEvaluationException e) {
      rule.unanswered().increment();
      return false;
    }
  }

  /** Names of the rules that apply, in the file's order by probe. */
  public List<String> names() {
    return byProbe.values().stream().flatMap(List::stream).map(Rule::name).toList();
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
    return counts(Rule::ignored);
  }

  /**
   * Evaluations without an answer since the start, by rule: a field was absent, a list too short, a
   * number too big.
   */
  public Map<String, Long> unanswered() {
    return counts(Rule::unanswered);
  }

  private Map<String, Long> counts(java.util.function.Function<Rule, LongAdder> count) {
    Map<String, Long> counts = new HashMap<>();
    byProbe
        .values()
        .forEach(rules -> rules.forEach(rule -> counts.put(rule.name(), count.apply(rule).sum())));
    return counts;
  }
}
