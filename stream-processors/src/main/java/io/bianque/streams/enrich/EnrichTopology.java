package io.bianque.streams.enrich;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.metrics.StreamMetrics;
import io.bianque.streams.names.IpAddress;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.schema.FetchedSchemas;
import io.bianque.streams.symbol.SymbolStoreUpdate;
import io.bianque.streams.symbol.SymbolTables;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology: raw events, host facts, containers and counters of a host meet in one processor,
 * because all of them are partitioned by host id; the symbols of all kernels are everywhere. A
 * second one asks for symbols that are not.
 *
 * <p>Raw topics are subscribed by pattern: a new probe's topic is read without a change here.
 */
public final class EnrichTopology {
  static final String WINDOWS = "windows";
  static final String WAITING = "waiting";
  static final String FACTS = "facts";
  static final String CONTAINERS = "containers";
  static final String LEDGER = "ledger";
  static final String SYMBOLS = "symbols";
  static final String SYMBOL_REQUESTS = "symbol-requests";

  private static final String PROCESSOR = "enrich";

  /**
   * A host's clock may be wrong by any amount, and the record of a change carries the time of the
   * event behind it. Since Kafka 4.0 brokers refuse what lies an hour ahead of their own clock, and
   * one such host would stop its whole task.
   */
  private static final Map<String, String> CHANGELOG =
      Map.of("message.timestamp.after.max.ms", Long.toString(Long.MAX_VALUE));

  /**
   * What the tasks share.
   *
   * @param schemas of what is read and written
   * @param deadLetterSchemaId under which dead letters are registered
   * @param ledgerSchemaId under which ledger rows are registered
   * @param symbolRequestSchemaId under which requests for symbols are registered
   * @param tables of symbols
   * @param names what DNS calls an address; must not wait
   * @param pause is called when the waiting room is full of what cannot leave: nothing more may
   *     come for now
   */
  public record Parts(
      EnrichSettings settings,
      FetchedSchemas schemas,
      int deadLetterSchemaId,
      int ledgerSchemaId,
      int symbolRequestSchemaId,
      SymbolTables tables,
      Function<IpAddress, ReverseNames.Answer> names,
      Rules rules,
      StreamMetrics metrics,
      Runnable pause) {}

  private EnrichTopology() {}

  public static Topology build(Parts parts) {
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    Topology topology = new Topology();
    topology
        .addSource("raw", bytes, bytes, Pattern.compile(Pattern.quote(Topics.raw("")) + ".+"))
        .addSource("hosts", bytes, bytes, Topics.HOSTS)
        .addSource("containers", bytes, bytes, Topics.CONTAINERS)
        .addSource("counters", bytes, bytes, Topics.COUNTERS)
        .addProcessor(
            PROCESSOR, () -> new EnrichProcessor(parts), "raw", "hosts", "containers", "counters")
        .addStateStore(store(WINDOWS, Serdes.String()), PROCESSOR)
        .addStateStore(store(WAITING, Serdes.Long()), PROCESSOR)
        .addStateStore(store(FACTS, Serdes.String()), PROCESSOR)
        .addStateStore(store(CONTAINERS, Serdes.String()), PROCESSOR)
        .addStateStore(store(LEDGER, Serdes.String()), PROCESSOR)
        .addGlobalStore(
            Stores.keyValueStoreBuilder(
                    Stores.persistentKeyValueStore(SYMBOLS), Serdes.String(), Serdes.ByteArray())
                .withLoggingDisabled(),
            "symbols-source",
            new StringDeserializer(),
            bytes,
            Topics.SYMBOLS,
            "symbols-update",
            () -> new SymbolStoreUpdate(SYMBOLS, parts.tables()));
    Serializer<Output> value = (topic, output) -> output.value();
    topology.addSink(
        "out",
        (byte[] key, Output output, org.apache.kafka.streams.processor.RecordContext context) ->
            output.topic(),
        new ByteArraySerializer(),
        value,
        PROCESSOR);
    // Behind all else: it is a task of its own, and the numbers of the others' tasks, by which
    // their
    // state is kept, stay.
    topology
        .addSource("symbol-candidates", bytes, bytes, Topics.SYMBOL_CANDIDATES)
        .addProcessor("symbol-requester", () -> new SymbolRequester(parts), "symbol-candidates")
        .addStateStore(store(SYMBOL_REQUESTS, Serdes.String()), "symbol-requester")
        .addSink(
            "symbol-requests",
            Topics.SYMBOL_REQUESTS,
            new ByteArraySerializer(),
            value,
            "symbol-requester");
    return topology;
  }

  /** Caching: a window or a count that changes with each event is written once a commit. */
  private static <K> StoreBuilder<KeyValueStore<K, byte[]>> store(String name, Serde<K> key) {
    return Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(name), key, Serdes.ByteArray())
        .withLoggingEnabled(CHANGELOG)
        .withCachingEnabled();
  }
}
