package io.bianque.streams.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
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

  private static Schema enriched(String probe) {
    Catalogue catalogue = Catalogue.load();
    return EnrichedSchema.of(catalogue.schema(catalogue.topic(Topics.raw(probe))));
  }

  private static Checked checked(String when, Schema schema) throws Exception {
    return Checked.of(Checked.compiler(schema).compile(when).getAst());
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
  void theIndexLeavesOutOnlyWhatIsFalse(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    Schema schema = SCHEMAS.get(random.nextInt(SCHEMAS.size()));
    RandomCondition made = new RandomCondition(random, schema);
    List<ProbeRules.Rule> rules = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      String when = made.demand() + " && (" + made.condition(1) + ")";
      rules.add(new ProbeRules.Rule("r" + i, checked(when, schema)));
    }
    ProbeRules indexed = new ProbeRules(rules, schema);
    Map<String, Long> unanswered = new HashMap<>();
    for (int i = 0; i < 8; i++) {
      GenericRecord event = made.event(schema);
      Optional<String> expected = Optional.empty();
      for (ProbeRules.Rule rule : rules) {
        Answer answer = rule.condition().interpreted().test(new Scope(event));
        if (answer == Answer.TRUE) {
          expected = Optional.of(rule.name());
          break;
        }
        unanswered.merge(rule.name(), answer == Answer.NONE ? 1L : 0L, Long::sum);
      }
      assertThat(indexed.ignoredBy(event)).as("%s", event).isEqualTo(expected);
    }
    unanswered.forEach((name, count) ->
        assertThat(rules.get(Integer.parseInt(name.substring(1))).unanswered().sum())
            .as(name)
            .isEqualTo(count));
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
      ProbeRules rules =
          new ProbeRules(List.of(new ProbeRules.Rule("r", checked(when, schema))), schema);
      assertThat(rules.ignoredBy(event)).as(when).hasValue("r");
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
                new ProbeRules.Rule("gone", checked("event.device != \"lo\"", now)),
                new ProbeRules.Rule("here", checked("event.comm == \"curl\"", now))),
            now);
    for (Schema schema : List.of(now, before, now)) {
      GenericRecord event = new GenericData.Record(schema);
      event.put("comm", "curl");
      assertThat(rules.ignoredBy(event)).hasValue(schema.equals(now) ? "gone" : "here");
    }
    // Absent is null; not declared has no answer, as the interpreter has none for an unknown name.
    assertThat(rules.rules().getFirst().unanswered().sum()).isEqualTo(1);
  }

  @AfterContainer
  static void everyAnswerCameOften() {
    for (Answer answer : Answer.values()) {
      assertThat(ANSWERS.getOrDefault(answer, 0)).as("of %s", ANSWERS).isGreaterThan(2000);
    }
  }
}
