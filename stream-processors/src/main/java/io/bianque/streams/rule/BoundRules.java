package io.bianque.streams.rule;

import io.bianque.schemas.derive.EnrichedSchema;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * The conditions of one probe's rules for events of one schema, with indexes over them: a rule is
 * looked at only where its {@link Demand} is met. What an index leaves out would have been false,
 * so nobody sees that it was not asked.
 */
final class BoundRules {
  /** Whose events these are for. */
  final Schema schema;

  /** Whether the events have the fields for what rules say of them. */
  final boolean tagged;

  private final Condition[] conditions;

  /** A bit for each rule that no index knows. */
  private final long[] always;

  private final int[] positions;
  private final Index[] indexes;

  BoundRules(Schema schema, List<Condition> conditions) {
    this.schema = schema;
    this.tagged = isTagged(schema);
    this.conditions = conditions.toArray(Condition[]::new);
    this.always = new long[(conditions.size() + 63) / 64];
    Map<Integer, Index.Values> values = new TreeMap<>();
    Map<Integer, Index.Members> members = new TreeMap<>();
    Map<Integer, Index.Prefixes> prefixes = new TreeMap<>();
    int words = always.length;
    for (int rule = 0; rule < conditions.size(); rule++) {
      switch (Demand.of(conditions.get(rule)).orElse(null)) {
        case null -> Index.set(always, rule);
        case Demand.Value demand ->
            values
                .computeIfAbsent(demand.position(), position -> new Index.Values(words))
                .add(demand, rule);
        case Demand.Member demand ->
            members
                .computeIfAbsent(demand.position(), position -> new Index.Members(words))
                .add(demand, rule);
        case Demand.Prefix demand ->
            prefixes
                .computeIfAbsent(demand.position(), position -> new Index.Prefixes(words))
                .add(demand, rule);
      }
    }
    this.indexes =
        Stream.of(values, members, prefixes)
            .flatMap(byPosition -> byPosition.values().stream())
            .toArray(Index[]::new);
    this.positions =
        Stream.of(values, members, prefixes)
            .flatMap(byPosition -> byPosition.keySet().stream())
            .mapToInt(Integer::intValue)
            .toArray();
  }

  static boolean isTagged(Schema enriched) {
    return EnrichedSchema.OF_RULES.stream().allMatch(name -> enriched.getField(name) != null);
  }

  /** A bit for each rule that may hold for the event, or may have no answer. */
  long[] candidates(IndexedRecord event) {
    long[] found = always.clone();
    for (int i = 0; i < indexes.length; i++) {
      indexes[i].find(event.get(positions[i]), found);
    }
    return found;
  }

  Answer test(int rule, Scope scope) {
    return conditions[rule].test(scope);
  }
}
