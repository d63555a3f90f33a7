package io.bianque.streams.rule;

import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads an event that somebody wrote, in YAML or JSON, which is YAML too. A field that is not there
 * is null, and where it may not be null the zero of its type.
 */
final class EventReader {
  private final BiConsumer<Node, String> mistake;

  /**
   * @param mistake takes what is wrong, and with which part
   */
  EventReader(BiConsumer<Node, String> mistake) {
    this.mistake = mistake;
  }

  GenericRecord read(MappingNode written, Schema schema) {
    GenericRecord record = new GenericData.Record(schema);
    for (Schema.Field field : schema.getFields()) {
      record.put(field.pos(), zero(field.schema()));
    }
    for (NodeTuple entry : written.getValue()) {
      String name = entry.getKeyNode() instanceof ScalarNode key ? key.getValue() : "";
      Schema.Field field = schema.getField(name);
      if (field == null) {
        List<String> names = schema.getFields().stream().map(Schema.Field::name).toList();
        mistake.accept(
            entry.getKeyNode(),
            "no field '%s' in %s%s"
                .formatted(name, schema.getFullName(), Spelling.hint(name, names)));
      } else {
        value(entry.getValueNode(), field.schema(), name)
            .ifPresent(value -> record.put(field.pos(), value));
      }
    }
    return record;
  }

  private static Object zero(Schema schema) {
    return switch (schema.getType()) {
      case INT -> 0;
      case LONG -> 0L;
      case FLOAT -> 0f;
      case DOUBLE -> 0.0;
      case BOOLEAN -> false;
      case STRING -> "";
      case ARRAY -> List.of();
      default -> null;
    };
  }

  /** Empty: it is null, or wrong. */
  private Optional<Object> value(Node node, Schema schema, String name) {
    Schema type = EventType.notNull(schema);
    if (node.getTag().equals(Tag.NULL)) {
      if (!schema.isNullable()) {
        mistake.accept(node, "'" + name + "' cannot be null");
      }
      return Optional.empty();
    }
    Optional<Object> value =
        switch (node) {
          case ScalarNode scalar -> scalar(scalar, type);
          case SequenceNode list when type.getType() == Schema.Type.ARRAY ->
              Optional.of(list(list, type.getElementType(), name));
          case MappingNode mapping when type.getType() == Schema.Type.RECORD ->
              Optional.of(read(mapping, type));
          default -> Optional.empty();
        };
    if (value.isEmpty()) {
      mistake.accept(node, "'" + name + "' must be " + word(type));
    }
    return value;
  }

  private List<Object> list(SequenceNode list, Schema elements, String name) {
    List<Object> values = new ArrayList<>();
    list.getValue().forEach(node -> value(node, elements, name).ifPresent(values::add));
    return values;
  }

  private static Optional<Object> scalar(ScalarNode node, Schema type) {
    String text = node.getValue();
    try {
      return Optional.ofNullable(
          switch (type.getType()) {
            case INT -> isNumber(node) ? Integer.valueOf(text) : null;
            case LONG -> isNumber(node) ? number(text, type) : time(node, type);
            case DOUBLE -> isNumber(node) ? Double.valueOf(text) : null;
            case FLOAT -> isNumber(node) ? Float.valueOf(text) : null;
            case BOOLEAN -> node.getTag().equals(Tag.BOOL) ? Boolean.valueOf(text) : null;
            case STRING -> node.getTag().equals(Tag.STR) ? text : null;
            default -> null;
          });
    } catch (NumberFormatException | ArithmeticException | DateTimeParseException e) {
      return Optional.empty(); // it does not fit
    }
  }

  /** The upper half of unsigned numbers is negative in the event, and may be written either way. */
  private static Long number(String text, Schema type) {
    return "uint64".equals(type.getProp("logicalType")) && !text.startsWith("-")
        ? Long.parseUnsignedLong(text)
        : Long.parseLong(text);
  }

  /** {@code bianque tail} writes times so. */
  private static Long time(ScalarNode node, Schema type) {
    if (!"timestamp-nanos".equals(type.getProp("logicalType")) || !node.getTag().equals(Tag.STR)) {
      return null;
    }
    Instant time = Instant.parse(node.getValue());
    return Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000_000L), time.getNano());
  }

  private static boolean isNumber(Node node) {
    return node.getTag().equals(Tag.INT) || node.getTag().equals(Tag.FLOAT);
  }

  private static String word(Schema type) {
    return switch (type.getType()) {
      case INT -> "a 32-bit number";
      case LONG -> "a 64-bit number";
      case STRING -> "text";
      case ARRAY -> "a list";
      case RECORD -> "a mapping of fields";
      default -> "of type " + type.getType();
    };
  }
}
