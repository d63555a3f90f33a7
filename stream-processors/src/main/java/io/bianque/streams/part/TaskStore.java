package io.bianque.streams.part;

import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The state of a task, which survives the process in a changelog. */
public final class TaskStore {
  /**
   * A host's clock may be wrong by any amount, and the record of a change carries the time of the
   * event behind it. Since Kafka 4.0 brokers refuse what lies an hour ahead of their own clock, and
   * one such host would stop its whole task.
   */
  private static final Map<String, String> CHANGELOG =
      Map.of("message.timestamp.after.max.ms", Long.toString(Long.MAX_VALUE));

  private TaskStore() {}

  /** Caching: a window or a count that changes with each event is written once a commit. */
  public static <K> StoreBuilder<KeyValueStore<K, byte[]>> of(String name, Serde<K> key) {
    return Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(name), key, Serdes.ByteArray())
        .withLoggingEnabled(CHANGELOG)
        .withCachingEnabled();
  }
}
