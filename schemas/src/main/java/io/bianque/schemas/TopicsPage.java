package io.bianque.schemas;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.raw.Meaning;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.avro.Schema;

/** The page docs/topics.md, from the catalogue and the schemas. */
final class TopicsPage {
  private final Catalogue catalogue;
  private final StringBuilder page = new StringBuilder();
  private final Map<Schema, String> topicOf = new HashMap<>();

  private TopicsPage(Catalogue catalogue) {
    this.catalogue = catalogue;
  }

  static String of(Catalogue catalogue) {
    return new TopicsPage(catalogue).write();
  }

  private String write() {
    page.append(
        """
        # Topics

        <!-- Made by `./bianque schemas update` from catalogue.yaml and the schemas: change those, not this page. -->

        Every topic of the pipeline, with what its records hold. Keys are UTF-8 strings. Values are Avro in the Confluent
        wire format: a zero byte, the schema's id in the registry (4 bytes, big endian), the Avro body. The
        registry's subject is the topic's name with `-value`. A record's timestamp is the kernel event's own time.

        | Topic | Holds | Key | Partitions | Kept | Written by | Read by |
        | --- | --- | --- | --- | --- | --- | --- |
        """);
    for (Topic topic : catalogue.topics()) {
      page.append(
          "| [%s](#%s) | %s | %s | %d | %s | %s | %s |\n"
              .formatted(
                  topic.name(),
                  anchor(topic.name()),
                  cell(topic.purpose()),
                  cell(topic.key()),
                  topic.partitions(),
                  kept(topic),
                  String.join(", ", topic.writers()),
                  String.join(", ", topic.readers())));
    }
    page.append(
        """

        Partitions are those of the standalone stack. Topics of routes, `bianque.routed.<route>`, are named by [rules](rules.md#routes)
        and made by `bianque topics route`; they hold enriched events of any probe.
        """);
    catalogue.topics().forEach(this::section);
    return page.toString();
  }

  private void section(Topic topic) {
    Schema schema = catalogue.schema(topic);
    page.append("\n## ")
        .append(topic.name())
        .append("\n\n")
        .append(topic.purpose())
        .append("\n\nConfiguration: ");
    List<String> config = new ArrayList<>();
    topic.config().forEach((key, value) -> config.add("`" + key + "=" + value + "`"));
    page.append(String.join(", ", config)).append(".\n\n");
    String same = topicOf.putIfAbsent(schema, topic.name());
    if (same != null) {
      page.append("Values are as in [%s](#%s).\n".formatted(same, anchor(same)));
      return;
    }
    page.append("Value: `").append(schema.getFullName()).append("`");
    if (schema.getDoc() != null) {
      page.append(". ").append(schema.getDoc());
    }
    page.append("\n\n| Field | Type | ECS | Meaning |\n| --- | --- | --- | --- |\n");
    fields("", schema, new HashSet<>());
  }

  private void fields(String prefix, Schema record, Set<Schema> seen) {
    if (!seen.add(record)) {
      return;
    }
    for (Schema.Field field : record.getFields()) {
      Schema type = Meaning.notNull(field.schema());
      page.append(
          "| %s | %s | %s | %s |\n"
              .formatted(
                  prefix + field.name(),
                  type(field.schema()),
                  Optional.ofNullable(field.getProp("ecs")).orElse(""),
                  Optional.ofNullable(field.doc()).map(TopicsPage::cell).orElse("")));
      if (type.getType() == Schema.Type.RECORD) {
        fields(prefix + field.name() + ".", type, seen);
      } else if (type.getType() == Schema.Type.ARRAY
          && type.getElementType().getType() == Schema.Type.RECORD) {
        fields(prefix + field.name() + "[].", type.getElementType(), seen);
      }
    }
  }

  private static String type(Schema schema) {
    Schema type = Meaning.notNull(schema);
    String name =
        switch (type.getType()) {
          case ARRAY -> "array of " + type(type.getElementType());
          case MAP -> "map of " + type(type.getValueType());
          case RECORD -> type.getName();
          case ENUM -> String.join(", ", type.getEnumSymbols());
          default -> type.getType().getName();
        };
    String logical = type.getProp("logicalType");
    return name
        + (logical == null ? "" : " (" + logical + ")")
        + (Meaning.nullable(schema) ? ", or null" : "");
  }

  private static String kept(Topic topic) {
    return switch (topic.cleanup()) {
      case DELETE -> topic.retention().map(TopicsPage::words).orElseThrow();
      case COMPACT ->
          "newest of each key"
              + topic.compactionLag().map(lag -> ", and all of " + words(lag)).orElse("");
    };
  }

  private static String words(Duration duration) {
    if (duration.toDays() > 0) {
      return duration.toDays() + " d";
    }
    return duration.toHours() > 0 ? duration.toHours() + " h" : duration.toMinutes() + " min";
  }

  /** As GitHub and its like make it of a heading. */
  private static String anchor(String heading) {
    return heading.replace(".", "");
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ");
  }
}
