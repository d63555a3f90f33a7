package io.bianque.streams.part;

import io.bianque.streams.metrics.StreamMetrics;
import io.bianque.streams.schema.FetchedSchemas;
import io.bianque.streams.symbol.SymbolTables;
import java.util.function.ToIntFunction;

/**
 * What the tasks of all parts share.
 *
 * @param schemas of what is read and written
 * @param schemaIds under which the values of a topic are registered that one of the parts writes
 * @param tables of symbols
 */
public record Shared(
    FetchedSchemas schemas,
    ToIntFunction<String> schemaIds,
    SymbolTables tables,
    StreamMetrics metrics) {

  public int schemaId(String topic) {
    return schemaIds.applyAsInt(topic);
  }
}
