package io.bianque.streams.enrich;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What one attempt to enrich an event could not give: for good, or not yet. For one thread. */
final class Gaps {
  enum Kind {
    HOST_FACTS,
    SYMBOLS,
    /** Of any cgroup of a host and boot. */
    CONTAINERS,
    /** Of one cgroup. */
    CGROUP,
    NAME
  }

  /** Something that may still come. The key says what, over all events. */
  record Awaited(Kind kind, String key) {}

  /** Of a kernel or module. */
  record Table(String buildId, String object) {
    /** As records of the topic are keyed. */
    String key() {
      return buildId + "/" + object;
    }
  }

  private Set<String> lacking = Set.of();
  private Set<Table> tables = Set.of();
  private Map<Awaited, String> awaited = Map.of();

  /** Will not come; {@code text} is for the event's {@code missing}. */
  void lacks(String text) {
    if (lacking.isEmpty()) {
      lacking = new LinkedHashSet<>();
    }
    lacking.add(text);
  }

  /** May still come; {@code text} is for the event's {@code missing} if it does not. */
  void awaits(Kind kind, String key, String text) {
    if (awaited.isEmpty()) {
      awaited = new LinkedHashMap<>();
    }
    awaited.putIfAbsent(new Awaited(kind, key), text);
  }

  /** A table of symbols may still come. */
  void awaitsTable(Table table, String reason) {
    awaits(
        Kind.SYMBOLS,
        table.key(),
        "symbols: " + table.object() + " " + table.buildId() + ": " + reason);
    if (tables.isEmpty()) {
      tables = new LinkedHashSet<>();
    }
    tables.add(table);
  }

  Set<Table> tables() {
    return tables;
  }

  Set<Awaited> awaited() {
    return awaited.keySet();
  }

  /** Everything, as the event says it. */
  List<String> texts() {
    if (lacking.isEmpty() && awaited.isEmpty()) {
      return List.of();
    }
    List<String> texts = new ArrayList<>(awaited.values());
    texts.addAll(lacking);
    return texts.stream().distinct().toList();
  }
}
