package io.bianque.streams.rule;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * The rules of one probe that apply, in the file's order. Agents of several versions publish events
 * of several schemas, so conditions are bound to positions once for each schema that comes.
 */
final class ProbeRules {
  /** A rule, and what came of it since the start. */
  record Rule(String name, Checked condition, LongAdder ignored, LongAdder unanswered) {
    Rule(String name, Checked condition) {
      this(name, condition, new LongAdder(), new LongAdder());
    }
  }

  private final List<Rule> rules;
  private final Map<String, String> interpreted = new LinkedHashMap<>();

  /**
   * By identity, since comparing schemas costs more than all rules do. Replaced when one is added;
   * there are as many as the enrich plans that make events.
   */
  private volatile IdentityHashMap<Schema, BoundRules> bound = new IdentityHashMap<>();

  /** What was asked for last, which mostly is what is asked for next. */
  private volatile BoundRules last;

  ProbeRules(List<Rule> rules, Schema schema) {
    this.rules = List.copyOf(rules);
    for (Rule rule : rules) {
      try {
        ConditionCompiler.compile(rule.condition().ast(), schema);
      } catch (ConditionCompiler.Unknown e) {
        interpreted.put(rule.name(), e.getMessage());
      }
    }
  }

  List<Rule> rules() {
    return rules;
  }

  Map<String, String> interpreted() {
    return interpreted;
  }

  Optional<String> ignoredBy(IndexedRecord event) {
    BoundRules conditions = boundTo(event.getSchema());
    Scope scope = new Scope(event);
    long[] candidates = conditions.candidates(event);
    for (int word = 0; word < candidates.length; word++) {
      for (long left = candidates[word]; left != 0; left &= left - 1) {
        int number = word * 64 + Long.numberOfTrailingZeros(left);
        switch (conditions.test(number, scope)) {
          case TRUE -> {
            rules.get(number).ignored().increment();
            return Optional.of(rules.get(number).name());
          }
          case NONE -> rules.get(number).unanswered().increment();
          case FALSE -> {}
        }
      }
    }
    return Optional.empty();
  }

  @SuppressWarnings("ReferenceEquality") // the same schema by another identity is bound once more
  private BoundRules boundTo(Schema schema) {
    BoundRules found = last;
    if (found == null || found.schema != schema) {
      found = bound.get(schema);
      found = found == null ? bind(schema) : found;
      last = found;
    }
    return found;
  }

  private synchronized BoundRules bind(Schema schema) {
    List<Condition> conditions = new ArrayList<>();
    for (Rule rule : rules) {
      Condition condition;
      try {
        condition = ConditionCompiler.compile(rule.condition().ast(), schema);
      } catch (ConditionCompiler.Unknown e) {
        condition = rule.condition().interpreted();
      }
      conditions.add(condition);
    }
    BoundRules made = new BoundRules(schema, conditions);
    IdentityHashMap<Schema, BoundRules> next = new IdentityHashMap<>(bound);
    next.put(schema, made);
    bound = next;
    return made;
  }
}
