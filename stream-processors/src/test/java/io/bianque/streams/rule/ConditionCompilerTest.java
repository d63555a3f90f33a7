package io.bianque.streams.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterContainer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/** A compiled condition says what CEL's own interpreter says. */
class ConditionCompilerTest {
  private static final List<Schema> SCHEMAS =
      List.of(
          enriched("dropwatch"),
          enriched("tcp_reset"), // with a record in it
          enriched("softirq_latency")); // with lists of numbers

  private static final Map<Answer, Integer> ANSWERS = new EnumMap<>(Answer.class);

  private static final List<Severity> SEVERITIES = List.of(Severity.values());
  private static final Map<String, Integer> OUTCOMES = new HashMap<>();

  private static Schema enriched(String probe) {
    Catalogue catalogue = Catalogue.load();
    return EnrichedSchema.of(catalogue.schema(catalogue.topic(Topics.raw(probe))));
  }

  private static Checked checked(String when, Schema schema) throws Exception {
    return Checked.of(Checked.compiler(schema).compile(when).getAst());
  }

  private static ProbeRules.Rule rule(String name, String when, Schema schema) throws Exception {
    return new ProbeRules.Rule(name, checked(when, schema), new Action.Ignore());
  }

  @Property(tries = 3000, seed = "20261128", shrinking = ShrinkingMode.OFF)
  void itSaysWhatTheInterpreterSays(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    Schema schema = SCHEMAS.get(random.nextInt(SCHEMAS.size()));
    RandomCondition made = new RandomCondition(random, schema);
    String when = made.condition(random.nextInt(4));
    Checked checked = checked(when, schema);
    Condition compiled = ConditionCompiler.compile(checked.ast(), schema);
    for (int i = 0; i < 8; i++) {
      GenericRecord event = made.event(schema);
      Answer expected = checked.interpreted().test(new Scope(event));
      assertThat(compiled.test(new Scope(event))).as("%s%nof %s", when, event).isEqualTo(expected);
      ANSWERS.merge(expected, 1, Integer::sum);
    }
  }

  @Property(tries = 25, seed = "20261128", shrinking = ShrinkingMode.OFF)
  void allRulesThatHoldAreFoundInTheirOrder(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    Schema schema = SCHEMAS.get(random.nextInt(SCHEMAS.size()));
    RandomCondition made = new RandomCondition(random, schema);
    List<ProbeRules.Rule> rules = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      String when = made.demand() + " && (" + made.condition(1) + ")";
      rules.add(new ProbeRules.Rule("r" + i, checked(when, schema), action(random)));
    }
    ProbeRules indexed = new ProbeRules(rules, schema);
    Map<String, Long> held = new HashMap<>();
    Map<String, Long> unanswered = new HashMap<>();
    for (int i = 0; i < 8; i++) {
      GenericRecord event = made.event(schema);
      String eventId = "bianque.raw.x-0-" + random.nextInt(100);
      Optional<String> ignoredBy = Optional.empty();
      Set<String> tags = new LinkedHashSet<>();
      Set<String> routes = new LinkedHashSet<>();
      TreeSet<Severity> severities = new TreeSet<>();
      List<Long> rates = new ArrayList<>();
      for (ProbeRules.Rule rule : rules) {
        Answer answer = rule.condition().interpreted().test(new Scope(event));
        held.merge(rule.name(), answer == Answer.TRUE ? 1L : 0L, Long::sum);
        unanswered.merge(rule.name(), answer == Answer.NONE ? 1L : 0L, Long::sum);
        if (answer == Answer.TRUE) {
          ignoredBy =
              switch (rule.action()) {
                case Action.Ignore _ -> Optional.of(rule.name());
                case Action.Sample(long rate) -> {
                  rates.add(rate);
                  yield rates.size() > 1 || Sampling.keeps(eventId, rate)
                      ? Optional.empty()
                      : Optional.of(rule.name());
                }
                case Action.Tag(String tag) -> {
                  tags.add(tag);
                  yield Optional.empty();
                }
                case Action.SetSeverity(Severity severity) -> {
                  severities.add(severity);
                  yield Optional.empty();
                }
                case Action.Route(String route) -> {
                  routes.add(route);
                  yield Optional.empty();
                }
              };
          if (ignoredBy.isPresent()) {
            break;
          }
        }
      }
      Outcome expected =
          ignoredBy
              .<Outcome>map(Outcome.Ignored::new)
              .orElseGet(() ->
                  new Outcome.Passes(
                      List.copyOf(tags),
                      severities.stream().max(Comparator.naturalOrder()),
                      rates.stream().mapToLong(Long::longValue).limit(1).findFirst(),
                      List.copyOf(routes)));
      assertThat(indexed.decide(eventId, event)).as("%s", event).isEqualTo(expected);
      OUTCOMES.merge(kind(expected), 1, Integer::sum);
    }
    for (ProbeRules.Rule rule : rules) {
      assertThat(rule.held().sum()).as(rule.name()).isEqualTo(held.get(rule.name()));
      assertThat(rule.unanswered().sum()).as(rule.name()).isEqualTo(unanswered.get(rule.name()));
    }
  }

  private static Action action(Random random) {
    return switch (random.nextInt(10)) {
      case 0 -> new Action.Ignore();
      case 1 -> new Action.Sample(2 + random.nextInt(3));
      case 2, 3, 4 -> new Action.Tag("tag" + random.nextInt(4));
      case 5, 6 -> new Action.SetSeverity(SEVERITIES.get(random.nextInt(SEVERITIES.size())));
      default -> new Action.Route("route" + random.nextInt(3));
    };
  }

  private static String kind(Outcome outcome) {
    return switch (outcome) {
      case Outcome.Ignored _ -> "ignored";
      case Outcome.Passes passes when passes.equals(Outcome.UNTOUCHED) -> "untouched";
      case Outcome.Passes passes when passes.sampleRate().isPresent() -> "sampled";
      case Outcome.Passes _ -> "passes";
    };
  }

  @Example
  void whatItDoesNotKnowIsLeftToTheInterpreter() throws Exception {
    Schema schema = SCHEMAS.getFirst();
    GenericRecord event = new GenericData.Record(schema);
    event.put("kernel_stack", List.of("a", "b"));
    event.put("pid", 7);
    for (String when :
        List.of(
            "size(event.kernel_stack.filter(f, f == \"a\")) == 1",
            "event.kernel_stack.exists_one(f, f == \"a\")",
            "string(event.pid) == \"7\"")) {
      ProbeRules rules = new ProbeRules(List.of(rule("r", when, schema)), schema);
      assertThat(rules.decide("id", event)).as(when).isEqualTo(new Outcome.Ignored("r"));
      assertThat(rules.interpreted()).as(when).containsOnlyKeys("r");
    }
  }

  @Example
  void positionsAreThoseOfTheEventsOwnSchema() throws Exception {
    Schema now = SCHEMAS.getFirst();
    Schema before =
        Schema.createRecord(
            now.getName(),
            null,
            now.getNamespace(),
            false,
            now.getFields().reversed().stream()
                .filter(field -> !field.name().equals("device"))
                .map(field -> new Schema.Field(field.name(), field.schema()))
                .toList());
    ProbeRules rules =
        new ProbeRules(
            List.of(
                rule("gone", "event.device != \"lo\"", now),
                rule("here", "event.comm == \"curl\"", now)),
            now);
    for (Schema schema : List.of(now, before, now)) {
      GenericRecord event = new GenericData.Record(schema);
      event.put("comm", "curl");
      assertThat(rules.decide("id", event))
          .isEqualTo(new Outcome.Ignored(schema.equals(now) ? "gone" : "here"));
    }
    // Absent is null; not declared has no answer, as the interpreter has none for an unknown name.
    assertThat(rules.rules().getFirst().unanswered().sum()).isEqualTo(1);
  }

  @AfterContainer
  static void everyAnswerAndOutcomeCameOften() {
    for (Answer answer : Answer.values()) {
      assertThat(ANSWERS.getOrDefault(answer, 0)).as("of %s", ANSWERS).isGreaterThan(2000);
    }
    for (String kind : List.of("ignored", "untouched", "sampled", "passes")) {
      assertThat(OUTCOMES.getOrDefault(kind, 0)).as("%s of %s", kind, OUTCOMES).isGreaterThan(5);
    }
  }
}
