package io.bianque.streams.request;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.streams.part.Shared;
import io.bianque.streams.part.TaskStore;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;

/** The part that turns candidates for a table of symbols into requests. */
public final class RequestTopology {
  static final String REQUESTS = "symbol-requests";

  private static final String PROCESSOR = "symbol-requester";

  private RequestTopology() {}

  /** Adds it; the tables of symbols have to be in the topology too. */
  public static void addTo(Topology topology, Shared shared) {
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    topology
        .addSource("symbol-candidates", bytes, bytes, Topics.SYMBOL_CANDIDATES)
        .addProcessor(PROCESSOR, () -> new SymbolRequester(shared), "symbol-candidates")
        .addStateStore(TaskStore.of(REQUESTS, Serdes.String()), PROCESSOR)
        .addSink(
            "symbol-requests",
            Topics.SYMBOL_REQUESTS,
            new ByteArraySerializer(),
            new ByteArraySerializer(),
            PROCESSOR);
  }
}
