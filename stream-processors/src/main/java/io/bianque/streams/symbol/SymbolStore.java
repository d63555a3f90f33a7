package io.bianque.streams.symbol;

import io.bianque.schemas.catalogue.Topics;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;

/** The tables of symbols as they are in their topic, whole on every instance. */
public final class SymbolStore {
  public static final String NAME = "symbols";

  private SymbolStore() {}

  /** Adds it, for the processors of all parts. */
  public static void addTo(Topology topology, SymbolTables tables) {
    topology.addGlobalStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(NAME), Serdes.String(), Serdes.ByteArray())
            .withLoggingDisabled(),
        "symbols-source",
        new StringDeserializer(),
        new ByteArrayDeserializer(),
        Topics.SYMBOLS,
        "symbols-update",
        () -> new SymbolStoreUpdate(NAME, tables));
  }
}
