package io.bianque.streams.rule;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.IndexedRecord;

/**
 * The conditions of one probe's rules for events of one schema, with an index over them: a rule
 * that demands {@code event.field == constant} is looked at only where the field has that value.
 * What the index leaves out would have been false, so nobody sees that it was not asked.
 */
final class BoundRules {
  private final Condition[] conditions;
  private final Index[] indexes;

  /** A bit for each rule that no index knows. */
  private final long[] always;

  /**
   * Rules by what they demand of one field.
   *
   * @param rules a bit for each rule, by the constant
   */
  private record Index(int position, Map<Object, long[]> rules) {}

  BoundRules(List<Condition> conditions) {
    this.conditions = conditions.toArray(Condition[]::new);
    this.always = new long[(conditions.size() + 63) / 64];
    Map<Integer, Map<Object, long[]>> byField = new LinkedHashMap<>();
    for (int rule = 0; rule < conditions.size(); rule++) {
      List<Demand> demands = demands(conditions.get(rule));
      if (demands.isEmpty()) {
        set(always, rule);
      } else {
        Demand demand = demands.getFirst();
        set(
            byField
                .computeIfAbsent(demand.position(), position -> new HashMap<>())
                .computeIfAbsent(demand.constant(), constant -> new long[always.length]),
            rule);
      }
    }
    List<Index> indexes = new ArrayList<>();
    byField.forEach((position, rules) -> indexes.add(new Index(position, rules)));
    this.indexes = indexes.toArray(Index[]::new);
  }

  /** Without which the rule is false. */
  private record Demand(int position, Object constant) {}

  private static List<Demand> demands(Condition condition) {
    return switch (condition) {
      case Condition.All(List<Condition> operands) ->
          operands.stream().flatMap(operand -> demands(operand).stream()).toList();
      case Condition.Equal(Operand.Field(int position, _), Operand.Constant(String constant)) ->
          List.of(new Demand(position, constant));
      case Condition.Equal(Operand.Constant(String constant), Operand.Field(int position, _)) ->
          List.of(new Demand(position, constant));
      default -> List.of();
    };
  }

  private static void set(long[] bits, int bit) {
    bits[bit / 64] |= 1L << bit;
  }

  /** A bit for each rule that may hold for the event. */
  long[] candidates(IndexedRecord event) {
    long[] found = always.clone();
    for (Index index : indexes) {
      long[] rules = index.rules().get(value(event.get(index.position())));
      if (rules != null) {
        for (int i = 0; i < found.length; i++) {
          found[i] |= rules[i];
        }
      }
    }
    return found;
  }

  private static Object value(Object field) {
    return field instanceof String || field == null ? field : field.toString();
  }

  Answer test(int rule, Scope scope) {
    return conditions[rule].test(scope);
  }
}
