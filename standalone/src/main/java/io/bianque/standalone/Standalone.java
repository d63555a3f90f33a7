package io.bianque.standalone;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.standalone.live.StackState.Source;
import io.bianque.standalone.part.Agent;
import io.bianque.standalone.part.Broker;
import io.bianque.standalone.part.Connect;
import io.bianque.standalone.part.ObjectStore;
import io.bianque.standalone.part.Registry;
import io.bianque.standalone.part.Search;
import io.bianque.standalone.part.Streams;
import io.bianque.standalone.prepare.ConnectorSetUp;
import io.bianque.standalone.prepare.SchemaSetUp;
import io.bianque.standalone.prepare.SearchSetUp;
import io.bianque.standalone.prepare.TopicSetUp;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The parts of the stack, put together. */
public final class Standalone {

  /** Namespace of the data streams: {@code logs-bianque.<probe>-default}. */
  static final String NAMESPACE = "default";

  private Standalone() {}

  /**
   * The servers that are not ours, with the catalogue's topics, the schemas and the templates,
   * without connectors.
   */
  public static List<Part> servers(Layout layout, Ports ports) {
    return List.of(
        broker(layout, ports),
        registry(layout, ports),
        search(layout, ports),
        ObjectStore.part(layout, ports),
        Connect.part(layout, ports, Set.of(), Part.SetUp.NOTHING));
  }

  /** Everything, in an order in which each part comes after those it needs. */
  public static List<Part> all(Layout layout, Ports ports, Source source) {
    return List.of(
        broker(layout, ports),
        registry(layout, ports),
        search(layout, ports),
        ObjectStore.part(layout, ports),
        Connect.part(
            layout,
            ports,
            Set.of(Registry.NAME, Search.NAME),
            () ->
                ConnectorSetUp.run(
                    ports.http(ports.connect()),
                    layout.deploy().resolve("connect"),
                    variables(layout, ports))),
        Streams.part(layout, ports),
        source == Source.RECORDED ? Agent.recorded(layout, ports) : Agent.live(layout, ports));
  }

  /** What connector files may refer to. */
  static Map<String, String> variables(Layout layout, Ports ports) {
    return Map.of(
        "bootstrap.servers", ports.bootstrapServers(),
        "registry.url", ports.registryApi().toString(),
        "search.url", ports.http(ports.search()).toString(),
        "lines.path", layout.of("lines").toString(),
        "namespace", NAMESPACE);
  }

  private static Part broker(Layout layout, Ports ports) {
    return Broker.part(
        layout, ports, () -> TopicSetUp.run(ports.bootstrapServers(), Catalogue.load()));
  }

  private static Part registry(Layout layout, Ports ports) {
    return Registry.part(
        layout, ports, () -> SchemaSetUp.run(ports.registryApi(), Catalogue.load()));
  }

  private static Part search(Layout layout, Ports ports) {
    return Search.part(
        layout,
        ports,
        () ->
            SearchSetUp.run(ports.http(ports.search()), layout.deploy().resolve("elasticsearch")));
  }
}
