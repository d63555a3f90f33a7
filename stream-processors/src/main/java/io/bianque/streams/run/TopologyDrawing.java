package io.bianque.streams.run;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import org.apache.kafka.streams.TopologyDescription;
import org.apache.kafka.streams.TopologyDescription.GlobalStore;
import org.apache.kafka.streams.TopologyDescription.Node;
import org.apache.kafka.streams.TopologyDescription.Processor;
import org.apache.kafka.streams.TopologyDescription.Sink;
import org.apache.kafka.streams.TopologyDescription.Source;
import org.apache.kafka.streams.TopologyDescription.Subtopology;

/**
 * A topology as a Mermaid flowchart: topics are rounded, stores are cylinders, each part that is
 * spread over instances by itself has a frame.
 */
public final class TopologyDrawing {
  private final List<String> lines = new ArrayList<>();

  private TopologyDrawing() {}

  /** The flowchart's text; the same for the same topology. */
  public static String mermaid(TopologyDescription topology) {
    TopologyDrawing drawing = new TopologyDrawing();
    drawing.lines.add("flowchart LR");
    topology.subtopologies().stream()
        .sorted(Comparator.comparingInt(Subtopology::id))
        .forEach(drawing::add);
    topology.globalStores().stream()
        .sorted(Comparator.comparingInt(GlobalStore::id))
        .forEach(drawing::add);
    return String.join("\n", drawing.lines);
  }

  private void add(Subtopology part) {
    lines.add("  subgraph part%d [\" \"]".formatted(part.id()));
    List<Node> nodes = part.nodes().stream().sorted(Comparator.comparing(Node::name)).toList();
    List<String> edges = new ArrayList<>();
    for (Node node : nodes) {
      node(node, edges);
    }
    lines.add("  end");
    edges.forEach(edge -> lines.add("  " + edge));
  }

  private void add(GlobalStore store) {
    lines.add("  subgraph part%d [\"on every instance\"]".formatted(store.id()));
    List<String> edges = new ArrayList<>();
    node(store.source(), edges);
    node(store.processor(), edges);
    lines.add("  end");
    edges.forEach(edge -> lines.add("  " + edge));
  }

  private void node(Node node, List<String> edges) {
    switch (node) {
      case Source source -> lines.add("    %s([\"%s\"])".formatted(id(node), topics(source)));
      case Sink sink ->
          lines.add(
              "    %s([\"%s\"])"
                  .formatted(id(node), sink.topic() == null ? "topic by record" : sink.topic()));
      case Processor processor -> {
        lines.add("    %s[\"%s\"]".formatted(id(node), node.name()));
        for (String store : new TreeSet<>(processor.stores())) {
          String name = "store_" + word(store);
          lines.add("    %s[(\"%s\")]".formatted(name, store));
          edges.add("%s --- %s".formatted(id(node), name));
        }
      }
      default -> lines.add("    %s[\"%s\"]".formatted(id(node), node.name()));
    }
    node.successors().stream()
        .sorted(Comparator.comparing(Node::name))
        .forEach(next -> edges.add("%s --> %s".formatted(id(node), id(next))));
  }

  private static String topics(Source source) {
    return source.topicPattern() == null
        ? String.join("<br>", new TreeSet<>(source.topicSet()))
        : source.topicPattern().pattern().replace("\\Q", "").replace("\\E", "");
  }

  private static String id(Node node) {
    return "node_" + word(node.name());
  }

  private static String word(String name) {
    return name.replaceAll("[^A-Za-z0-9]", "_");
  }
}
