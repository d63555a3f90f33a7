package io.bianque.streams.enrich;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.streams.dns.NameSource;
import io.bianque.streams.dns.NameStoreUpdate;
import io.bianque.streams.network.Networks;
import io.bianque.streams.part.Shared;
import io.bianque.streams.part.TaskStore;
import io.bianque.streams.rule.Rules;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.Stores;

/**
 * The part that gives events meaning: raw events, host facts, containers and counters of a host
 * meet in one processor, because all of them are partitioned by host id; the symbols of all kernels
 * are everywhere.
 *
 * <p>Raw topics are subscribed by pattern: a new probe's topic is read without a change here.
 */
public final class EnrichTopology {
  static final String WINDOWS = "windows";
  static final String WAITING = "waiting";
  static final String FACTS = "facts";
  static final String CONTAINERS = "containers";
  static final String LEDGER = "ledger";
  static final String NAMES = "names";
  static final String RECORDED_NAMES = "recorded-names";

  private static final String PROCESSOR = "enrich";

  /**
   * Of the records that are there, Kafka Streams takes the oldest. Facts that are told again every
   * hour are younger than a backlog of events, which would pass them.
   */
  private static final TimestampExtractor FIRST = (record, before) -> 0;

  /**
   * A client may send none, which is -1, and Kafka Streams ends over it: then it is when the event
   * came.
   */
  static final TimestampExtractor TIME = (record, before) -> Math.max(0, record.timestamp());

  /**
   * What this part needs beside what all share.
   *
   * @param names where names of addresses come from
   * @param networks where addresses are
   * @param rules those that decide now
   * @param pause is called when the waiting room is full of what cannot leave: nothing more may
   *     come for now
   */
  public record Needs(
      EnrichSettings settings,
      NameSource names,
      Networks networks,
      Supplier<Rules> rules,
      Runnable pause) {}

  private EnrichTopology() {}

  /** Adds it; the tables of symbols have to be in the topology too. */
  public static void addTo(Topology topology, Shared shared, Needs needs) {
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    topology
        .addSource(
            AutoOffsetReset.earliest(),
            "raw",
            TIME,
            bytes,
            bytes,
            Pattern.compile(Pattern.quote(Topics.raw("")) + ".+"))
        .addSource(AutoOffsetReset.earliest(), "hosts", FIRST, bytes, bytes, Topics.HOSTS)
        .addSource(AutoOffsetReset.earliest(), "containers", FIRST, bytes, bytes, Topics.CONTAINERS)
        .addSource(AutoOffsetReset.earliest(), "counters", TIME, bytes, bytes, Topics.COUNTERS)
        .addProcessor(
            PROCESSOR,
            () -> new EnrichProcessor(shared, needs),
            "raw",
            "hosts",
            "containers",
            "counters")
        .addStateStore(TaskStore.of(WINDOWS, Serdes.String()), PROCESSOR)
        .addStateStore(TaskStore.of(WAITING, Serdes.Long()), PROCESSOR)
        .addStateStore(TaskStore.of(FACTS, Serdes.String()), PROCESSOR)
        .addStateStore(TaskStore.of(CONTAINERS, Serdes.String()), PROCESSOR)
        .addStateStore(TaskStore.of(LEDGER, Serdes.String()), PROCESSOR);
    names(topology, shared, needs.names());
    Serializer<Output> value = (topic, output) -> output.value();
    topology.addSink(
        "out",
        (byte[] key, Output output, org.apache.kafka.streams.processor.RecordContext context) ->
            output.topic(),
        new ByteArraySerializer(),
        value,
        PROCESSOR);
  }

  private static void names(Topology topology, Shared shared, NameSource source) {
    switch (source) {
      case NameSource.Dns dns ->
          topology.addStateStore(TaskStore.of(NAMES, Serdes.String()), PROCESSOR);
      case NameSource.Recorded recorded ->
          topology.addGlobalStore(
              Stores.keyValueStoreBuilder(
                      Stores.persistentKeyValueStore(RECORDED_NAMES),
                      Serdes.String(),
                      Serdes.ByteArray())
                  .withLoggingDisabled(),
              "names-source",
              new StringDeserializer(),
              new ByteArrayDeserializer(),
              Topics.NAMES,
              "names-update",
              () ->
                  new NameStoreUpdate(
                      RECORDED_NAMES, shared.schemas(), shared.metrics()::nameUnreadable));
      case NameSource.None none -> {}
    }
  }
}
