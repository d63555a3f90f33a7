package io.bianque.sinks.document;

import io.bianque.schemas.derive.EnrichedSchema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.Schema;

/**
 * Where each field of an enriched event stands in its document: under the ECS name that its schema
 * gives it ({@code ecs}), else under {@code bianque.<probe>.<field>}, or {@code bianque.<field>}
 * for what enrichment adds to every probe's events.
 *
 * <p>Immutable. Both the mapping ({@link IndexTemplate}) and the document ({@link DocumentWriter})
 * are made from it.
 */
public final class DocumentLayout {
  /**
   * Version of the Elastic Common Schema that the {@code ecs} properties in the schemas are taken
   * from.
   */
  static final String ECS_VERSION = "9.0.0";

  private static final String EVENT_ID = "event_id";

  /** A place in the document tree. */
  sealed interface Node {
    String name();
  }

  record Branch(String name, List<Node> children) implements Node {}

  /** A field of the event. */
  record Leaf(String name, int position, String field, Shape shape) implements Node {}

  /** A member that is the same in every document of a data stream. */
  record Constant(String name, ConstantValue value) implements Node {}

  enum ConstantValue {
    STREAM_TYPE,
    DATASET,
    NAMESPACE,
    EVENT_KIND,
    ECS
  }

  private final Schema schema;
  private final List<Node> roots;
  private final int eventId;

  private DocumentLayout(Schema schema, List<Node> roots, int eventId) {
    this.schema = schema;
    this.roots = roots;
    this.eventId = eventId;
  }

  /**
   * The layout of a probe's documents.
   *
   * @param enriched record schema of an enriched event, named as its probe
   * @throws UnmappableSchema if it is none, or if two of its fields would stand in the same place
   */
  public static DocumentLayout of(Schema enriched) {
    if (enriched.getType() != Schema.Type.RECORD) {
      throw new UnmappableSchema(enriched.getFullName(), "not a record");
    }
    String probe = enriched.getName();
    if (!probe.equals(probe.toLowerCase(Locale.ROOT))) {
      throw new UnmappableSchema(
          probe, "the name of a data stream, and so of a probe, is in lower case");
    }
    Schema.Field id = enriched.getField(EVENT_ID);
    if (id == null || id.schema().getType() != Schema.Type.STRING) {
      throw new UnmappableSchema(
          enriched.getFullName(), "no string field " + EVENT_ID + ", so not an enriched event");
    }
    // @timestamp leads, as a person who reads a line expects it.
    Map<String, Object> tree = new LinkedHashMap<>();
    enriched.getFields().stream()
        .filter(field -> "@timestamp".equals(field.getProp("ecs")))
        .findFirst()
        .ifPresent(field -> placeField(tree, probe, field));
    if (!tree.containsKey("@timestamp")) {
      throw new UnmappableSchema(
          enriched.getFullName(),
          "no field has ecs \"@timestamp\", without which no data stream takes it");
    }
    place(tree, "data_stream.type", ConstantValue.STREAM_TYPE);
    place(tree, "data_stream.dataset", ConstantValue.DATASET);
    place(tree, "data_stream.namespace", ConstantValue.NAMESPACE);
    place(tree, "event.dataset", ConstantValue.DATASET);
    place(tree, "event.kind", ConstantValue.EVENT_KIND);
    place(tree, "ecs.version", ConstantValue.ECS);
    enriched.getFields().stream()
        .filter(field -> !"@timestamp".equals(field.getProp("ecs")))
        .forEach(field -> placeField(tree, probe, field));
    return new DocumentLayout(enriched, nodes(tree), id.pos());
  }

  private static void placeField(Map<String, Object> tree, String probe, Schema.Field field) {
    String path = path(probe, field);
    boolean ecs = field.getProp("ecs") != null;
    place(
        tree,
        path,
        new Leaf(path, field.pos(), field.name(), Shape.of(field.schema(), field.name(), ecs)));
  }

  private static String path(String probe, Schema.Field field) {
    String ecs = field.getProp("ecs");
    if (ecs != null) {
      return ecs;
    }
    return EnrichedSchema.ENVELOPE.contains(field.name())
            || EnrichedSchema.OF_RULES.contains(field.name())
            || EnrichedSchema.OF_CGROUP.contains(field.name())
        ? "bianque." + field.name()
        : "bianque." + probe + "." + field.name();
  }

  private static void place(Map<String, Object> tree, String path, Object leaf) {
    String[] names = path.split("\\.", -1);
    Map<String, Object> branch = tree;
    for (int i = 0; i < names.length - 1; i++) {
      Object child = branch.computeIfAbsent(names[i], name -> new LinkedHashMap<String, Object>());
      if (!(child instanceof Map<?, ?>)) {
        throw new UnmappableSchema(
            path,
            "another field is " + String.join(".", List.of(names).subList(0, i + 1)) + " itself");
      }
      branch = branchOf(child);
    }
    if (branch.putIfAbsent(names[names.length - 1], leaf) != null) {
      throw new UnmappableSchema(path, "two fields would stand there");
    }
  }

  @SuppressWarnings("unchecked") // the tree's maps are made in place() alone
  private static Map<String, Object> branchOf(Object child) {
    return (Map<String, Object>) child;
  }

  private static List<Node> nodes(Map<String, Object> tree) {
    List<Node> nodes = new ArrayList<>(tree.size());
    tree.forEach((name, value) ->
        nodes.add(
            switch (value) {
              case ConstantValue constant -> new Constant(name, constant);
              case Leaf leaf -> new Leaf(name, leaf.position(), leaf.field(), leaf.shape());
              default -> new Branch(name, nodes(branchOf(value)));
            }));
    return List.copyOf(nodes);
  }

  /** Name of the probe, as in {@code logs-bianque.<probe>-<namespace>}. */
  public String probe() {
    return schema.getName();
  }

  public String dataset() {
    return "bianque." + probe();
  }

  /** Data stream that this probe's documents go to. */
  public String dataStream(String namespace) {
    return "logs-" + dataset() + "-" + Objects.requireNonNull(namespace);
  }

  public Schema schema() {
    return schema;
  }

  List<Node> roots() {
    return roots;
  }

  /** Position of the field that is the document's id. */
  int eventIdPosition() {
    return eventId;
  }
}
