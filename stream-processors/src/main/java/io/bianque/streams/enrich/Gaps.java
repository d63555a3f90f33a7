package io.bianque.streams.enrich;

import java.util.ArrayList;
import java.util.List;

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

  /**
   * Something that may still come.
   *
   * @param key says what, over all events
   * @param sinceMs since when it is on its way; 0 for what nobody knows of
   */
  record Awaited(Kind kind, String key, long sinceMs) {}

  /** Of a kernel, module or file of user space. */
  record Table(String buildId, String object) {
    /** As records of the topic are keyed. */
    String key() {
      return buildId + "/" + object;
    }
  }

  /** In the order in which they were found: it must not matter which of them may still come. */
  private List<String> texts = List.of();

  private List<Table> tables = List.of();
  private List<Awaited> awaited = List.of();

  /** Will not come; {@code text} is for the event's {@code missing}. */
  void lacks(String text) {
    texts = with(texts, text);
  }

  /** May still come; {@code text} is for the event's {@code missing} if it does not. */
  void awaits(Kind kind, String key, String text) {
    awaits(new Awaited(kind, key, 0), text);
  }

  /** A name may still come, which is being asked for since then. */
  void awaitsName(String address, long sinceMs, String text) {
    awaits(new Awaited(Kind.NAME, address, sinceMs), text);
  }

  private void awaits(Awaited what, String text) {
    awaited = with(awaited, what);
    lacks(text);
  }

  /** A table of symbols may still come. */
  void awaitsTable(Table table, String reason) {
    awaits(
        Kind.SYMBOLS,
        table.key(),
        "symbols: " + table.object() + " " + table.buildId() + ": " + reason);
    tables = with(tables, table);
  }

  /** Each once. Of one event they are so few that to look through them is less than to hash. */
  private static <T> List<T> with(List<T> found, T another) {
    if (found.contains(another)) {
      return found;
    }
    List<T> all = found.isEmpty() ? new ArrayList<>(2) : found;
    all.add(another);
    return all;
  }

  List<Table> tables() {
    return tables;
  }

  List<Awaited> awaited() {
    return awaited;
  }

  /** Everything, as the event says it. */
  List<String> texts() {
    return List.copyOf(texts);
  }
}
