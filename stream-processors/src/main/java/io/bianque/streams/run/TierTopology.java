package io.bianque.streams.run;

import io.bianque.streams.enrich.EnrichTopology;
import io.bianque.streams.part.Part;
import io.bianque.streams.part.Shared;
import io.bianque.streams.request.RequestTopology;
import io.bianque.streams.symbol.SymbolStore;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.streams.Topology;

/** The topology of the parts that run. */
public final class TierTopology {
  private TierTopology() {}

  /**
   * Builds it.
   *
   * @param enrichment is asked for only if that part runs
   */
  public static Topology build(
      Set<Part> parts, Shared shared, Supplier<EnrichTopology.Needs> enrichment) {
    Topology topology = new Topology();
    for (Part part : EnumSet.copyOf(parts)) {
      switch (part) {
        case ENRICH -> {
          EnrichTopology.addTo(topology, shared, enrichment.get());
          SymbolStore.addTo(topology, shared.tables());
        }
        case SYMBOL_REQUESTS -> {
          if (!parts.contains(Part.ENRICH)) {
            SymbolStore.addTo(topology, shared.tables());
          }
          RequestTopology.addTo(topology, shared);
        }
      }
    }
    return topology;
  }
}
