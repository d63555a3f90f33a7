package io.bianque.sinks.document;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import io.bianque.sinks.document.DocumentLayout.Branch;
import io.bianque.sinks.document.DocumentLayout.Constant;
import io.bianque.sinks.document.DocumentLayout.Leaf;
import io.bianque.sinks.document.DocumentLayout.Node;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The index template of one probe's data streams, with the mapping that its {@link DocumentLayout}
 * says.
 *
 * <p>It holds only what Elasticsearch and OpenSearch both take, Elasticsearch's reduced build
 * included: so {@code data_stream.*} are plain keywords where Elastic's own templates say
 * constant_keyword.
 */
public final class IndexTemplate {
  /** Above the 100 of Elasticsearch's built-in template for {@code logs-*-*}. */
  static final int PRIORITY = 200;

  private static final ObjectWriter PRETTY =
      new ObjectMapper()
          .writer(
              new DefaultPrettyPrinter()
                  .withObjectIndenter(new DefaultIndenter("  ", "\n"))
                  .withArrayIndenter(DefaultPrettyPrinter.FixedSpaceIndenter.instance));

  private final DocumentLayout layout;
  private final Optional<String> lifecyclePolicy;

  /**
   * The template of a layout.
   *
   * @param lifecyclePolicy name of the ILM policy that its indices follow; needs a server that has
   *     ILM
   */
  public IndexTemplate(DocumentLayout layout, Optional<String> lifecyclePolicy) {
    this.layout = layout;
    this.lifecyclePolicy = lifecyclePolicy;
  }

  /** Name to put it under: {@code logs-bianque.<probe>}. */
  public String name() {
    return "logs-" + layout.dataset();
  }

  /** Body for {@code PUT _index_template/<name>}. */
  public String json() {
    return render(body());
  }

  /** The mapping alone: body for {@code PUT <data stream>/_mapping}. */
  public String mappingJson() {
    return render(mappings());
  }

  private Map<String, Object> body() {
    Map<String, Object> meta = new LinkedHashMap<>();
    meta.put(
        "description",
        "Derived from the Avro schema "
            + layout.schema().getFullName()
            + "; edit the schema, not this.");
    meta.put("managed_by", "bianque");
    Map<String, Object> settings = new LinkedHashMap<>();
    // One node keeps no copy and is green; a cluster keeps one.
    settings.put("index.auto_expand_replicas", "0-1");
    settings.put("index.codec", "best_compression");
    lifecyclePolicy.ifPresent(policy -> settings.put("index.lifecycle.name", policy));
    Map<String, Object> template = new LinkedHashMap<>();
    template.put("settings", settings);
    template.put("mappings", mappings());
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("index_patterns", List.of(name() + "-*"));
    body.put("data_stream", Map.of());
    body.put("priority", PRIORITY);
    body.put("_meta", meta);
    body.put("template", template);
    return body;
  }

  private Map<String, Object> mappings() {
    Map<String, Object> mappings = new LinkedHashMap<>();
    // A field that the schema does not name stays in the document and out of the index.
    mappings.put("dynamic", false);
    mappings.put("properties", properties(layout.roots()));
    return mappings;
  }

  private static Map<String, Object> properties(List<Node> nodes) {
    Map<String, Object> properties = new LinkedHashMap<>();
    for (Node node : nodes) {
      properties.put(
          node.name(),
          switch (node) {
            case Branch branch -> Map.of("properties", properties(branch.children()));
            case Leaf leaf -> leaf.shape().mapping();
            case Constant _ -> Shape.Scalar.KEYWORD.mapping();
          });
    }
    return properties;
  }

  private static String render(Object tree) {
    try {
      return PRETTY.writeValueAsString(tree) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("maps of strings and numbers always render", e);
    }
  }
}
