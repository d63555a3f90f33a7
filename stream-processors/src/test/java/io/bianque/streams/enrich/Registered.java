package io.bianque.streams.enrich;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.registry.UnknownSchemaId;
import io.bianque.streams.schema.FetchedSchemas;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Queue;
import org.apache.avro.Schema;

/**
 * A registry in memory that holds the catalogue's schemas, and can be taken away. Its background is
 * the test's turn.
 */
final class Registered implements FetchedSchemas.Registry, FetchedSchemas.Background {
  private record Version(String subject, Schema schema) {}

  private final List<Version> versions = new ArrayList<>();
  private final Queue<Runnable> later = new ArrayDeque<>();
  private boolean reachable = true;
  private int hidden;

  Registered() {
    Catalogue catalogue = Catalogue.load();
    for (String topic :
        List.of(
            Topics.HOSTS,
            Topics.CONTAINERS,
            Topics.SYMBOLS,
            Topics.SYMBOL_CANDIDATES,
            Topics.SYMBOL_REQUESTS,
            Topics.NAMES,
            Topics.COUNTERS,
            Topics.LEDGER,
            Topics.DEAD_LETTER)) {
      register(topic, catalogue.schema(catalogue.topic(topic)));
    }
    Schema raw = catalogue.schema(catalogue.topic(Topics.raw("dropwatch")));
    register(Topics.raw("dropwatch"), raw);
    register(Topics.enriched("dropwatch"), EnrichedSchema.of(raw));
    catalogue
        .earlierSchemas(catalogue.topic(Topics.enriched("dropwatch")))
        .forEach(earlier -> register(Topics.enriched("dropwatch"), earlier));
  }

  int register(String topic, Schema schema) {
    versions.add(new Version(Topics.subject(topic), schema));
    return versions.size();
  }

  int idOf(String topic) {
    for (int i = 0; i < versions.size(); i++) {
      if (versions.get(i).subject().equals(Topics.subject(topic))) {
        return i + 1;
      }
    }
    throw new IllegalArgumentException(topic);
  }

  Schema schemaOf(String topic) {
    return versions.get(idOf(topic) - 1).schema();
  }

  /** The id of the schema, which is registered for the topic if it is not yet. */
  int idOf(String topic, Schema schema) {
    return lookup(Topics.subject(topic), schema).orElseGet(() -> register(topic, schema));
  }

  void reachable(boolean now) {
    reachable = now;
  }

  /** Takes one schema away: 0 for none. */
  void hide(int id) {
    hidden = id;
  }

  /** Makes every attempt that was put off. */
  void retry() {
    List<Runnable> due = new ArrayList<>(later);
    later.clear();
    due.forEach(Runnable::run);
  }

  private void ask() {
    if (!reachable) {
      throw new FetchedSchemas.NotThereYet("the registry does not answer");
    }
  }

  @Override
  public Schema schema(int id) {
    ask();
    if (id == hidden) {
      throw new FetchedSchemas.NotThereYet("schema " + id + " is not given");
    }
    if (id < 1 || id > versions.size()) {
      throw new UnknownSchemaId("no schema has id " + id);
    }
    return versions.get(id - 1).schema();
  }

  @Override
  public OptionalInt lookup(String subject, Schema schema) {
    ask();
    int index = versions.indexOf(new Version(subject, schema));
    return index < 0 ? OptionalInt.empty() : OptionalInt.of(index + 1);
  }

  @Override
  public void now(Runnable work) {
    work.run();
  }

  @Override
  public void later(Duration delay, Runnable work) {
    later.add(work);
  }
}
