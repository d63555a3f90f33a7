package io.bianque.streams.dns;

import io.bianque.facts.ResolvedName;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.streams.schema.FetchedSchemas;
import io.bianque.streams.schema.SchemaPending;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the global store of recorded names as the topic is; what is no such record is left out. */
public final class NameStoreUpdate extends ContextualProcessor<String, byte[], Void, Void> {
  private static final Logger LOG = LoggerFactory.getLogger(NameStoreUpdate.class);

  private final String store;
  private final FetchedSchemas schemas;
  private final Runnable unreadable;
  private KeyValueStore<String, byte[]> names;
  private AvroReader<ResolvedName> reader;

  /**
   * @param unreadable is told of each record that is left out
   */
  public NameStoreUpdate(String store, FetchedSchemas schemas, Runnable unreadable) {
    this.store = store;
    this.schemas = schemas;
    this.unreadable = unreadable;
  }

  @Override
  public void init(ProcessorContext<Void, Void> context) {
    super.init(context);
    this.names = context.getStateStore(store);
    this.reader = AvroReader.specific(schemas, ResolvedName.class);
  }

  @Override
  public void process(Record<String, byte[]> record) {
    if (record.key() != null && (record.value() == null || isOf(record.key(), record.value()))) {
      names.put(record.key(), record.value());
    } else {
      LOG.warn("a record of a name is left out: its key is {}", record.key());
      unreadable.run();
    }
  }

  private boolean isOf(String key, byte[] value) {
    try {
      return NameHistory.key(reader.read(value)).equals(key);
    } catch (SchemaPending pending) {
      return true; // whoever reads it waits for the schema
    } catch (UnreadableRecord e) {
      return false;
    }
  }
}
