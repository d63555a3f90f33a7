package io.bianque.streams.rule;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * The rules of one probe that apply, in the file's order. Agents of several versions publish events
 * of several schemas, so conditions are bound to positions once for each schema that comes.
 */
final class ProbeRules {
  /** A rule, and how often it held and had no answer since the start. */
  record Rule(String name, Checked condition, Action action, LongAdder held, LongAdder unanswered) {
    Rule(String name, Checked condition, Action action) {
      this(name, condition, action, new LongAdder(), new LongAdder());
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

  Outcome decide(String eventId, IndexedRecord event) {
    BoundRules conditions = boundTo(event.getSchema());
    Scope scope = new Scope(event);
    long[] candidates = conditions.candidates(event);
    Outcome.Passes passes = Outcome.UNTOUCHED;
    for (int word = 0; word < candidates.length; word++) {
      for (long left = candidates[word]; left != 0; left &= left - 1) {
        int number = word * 64 + Long.numberOfTrailingZeros(left);
        Rule rule = rules.get(number);
        switch (conditions.test(number, scope)) {
          case TRUE -> {
            rule.held().increment();
            if (conditions.tagged || !rule.action().writes()) {
              switch (passes.after(rule.name(), rule.action(), eventId)) {
                case Outcome.Ignored ignored -> {
                  return ignored;
                }
                case Outcome.Passes more -> passes = more;
              }
            }
          }
          case NONE -> rule.unanswered().increment();
          case FALSE -> {}
        }
      }
    }
    return passes;
  }

  /** Names of all rules that hold, in the file's order; counts nothing. */
  List<String> holding(IndexedRecord event) {
    BoundRules conditions = boundTo(event.getSchema());
    Scope scope = new Scope(event);
    BitSet candidates = BitSet.valueOf(conditions.candidates(event));
    return candidates.stream()
        .filter(number -> conditions.test(number, scope) == Answer.TRUE)
        .mapToObj(number -> rules.get(number).name())
        .toList();
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
