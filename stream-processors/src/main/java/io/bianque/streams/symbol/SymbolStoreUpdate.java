package io.bianque.streams.symbol;

import java.util.Arrays;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Keeps the global store of chunks as the topic is, and tells the tables what changed. */
final class SymbolStoreUpdate extends ContextualProcessor<String, byte[], Void, Void> {
  private final String store;
  private final SymbolTables tables;

  SymbolStoreUpdate(String store, SymbolTables tables) {
    this.store = store;
    this.tables = tables;
  }

  @Override
  public void process(Record<String, byte[]> record) {
    KeyValueStore<String, byte[]> chunks = context().getStateStore(store);
    if (record.key() == null || Arrays.equals(chunks.get(record.key()), record.value())) {
      // Every agent start publishes the same table again: nothing to forget.
      return;
    }
    chunks.put(record.key(), record.value());
    tables.changed(record.key());
  }
}
