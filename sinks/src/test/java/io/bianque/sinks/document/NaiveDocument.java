package io.bianque.sinks.document;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Map;
import org.apache.avro.LogicalType;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;

/**
 * The document of an event as a tree, by the rules as they are written down and with no thought of
 * speed.
 */
final class NaiveDocument {
  private static final JsonNodeFactory NODES = new ObjectMapper().getNodeFactory();

  private NaiveDocument() {}

  static ObjectNode of(GenericRecord event, String namespace) {
    String probe = event.getSchema().getName();
    ObjectNode document = NODES.objectNode();
    put(document, "data_stream.type", NODES.textNode("logs"));
    put(document, "data_stream.dataset", NODES.textNode("bianque." + probe));
    put(document, "data_stream.namespace", NODES.textNode(namespace));
    put(document, "event.dataset", NODES.textNode("bianque." + probe));
    put(document, "event.kind", NODES.textNode("event"));
    put(document, "ecs.version", NODES.textNode("9.0.0"));
    for (Schema.Field field : event.getSchema().getFields()) {
      Object value = event.get(field.pos());
      if (value == null) {
        continue;
      }
      String path = field.getProp("ecs");
      if (path == null) {
        path =
            switch (field.name()) {
              case "event_id",
                  "host_name",
                  "kernel_release",
                  "kernel_build_id",
                  "missing",
                  "rules_version",
                  "sample_rate",
                  "pod_qos",
                  "systemd_unit",
                  "systemd_slice",
                  "cgroup_path" ->
                  "bianque." + field.name();
              default -> "bianque." + probe + "." + field.name();
            };
      }
      put(document, path, node(value, field.schema()));
    }
    return document;
  }

  private static void put(ObjectNode document, String path, JsonNode value) {
    int dot = path.indexOf('.');
    if (dot < 0) {
      document.set(path, value);
    } else {
      put(document.withObject("/" + path.substring(0, dot)), path.substring(dot + 1), value);
    }
  }

  private static JsonNode node(Object value, Schema schema) {
    if (schema.isUnion()) {
      return node(
          value,
          schema.getTypes().stream()
              .filter(s -> s.getType() != Schema.Type.NULL)
              .findFirst()
              .orElseThrow());
    }
    String logical = schema.getProp(LogicalType.LOGICAL_TYPE_PROP);
    return switch (schema.getType()) {
      case INT -> NODES.numberNode((Integer) value);
      case LONG ->
          switch (logical) {
            case "timestamp-nanos" -> {
              long nanos = (Long) value;
              Instant second = Instant.ofEpochSecond(Math.floorDiv(nanos, 1_000_000_000L));
              String text =
                  second.toString().replace("Z", "")
                      + ".%09dZ".formatted(Math.floorMod(nanos, 1_000_000_000L));
              yield NODES.textNode(text);
            }
            case "uint64" -> NODES.textNode(Long.toUnsignedString((Long) value));
            case null, default -> NODES.numberNode((Long) value);
          };
      case FLOAT -> NODES.numberNode((Float) value);
      case DOUBLE -> NODES.numberNode((Double) value);
      case BOOLEAN -> NODES.booleanNode((Boolean) value);
      case BYTES -> {
        ByteBuffer bytes = ((ByteBuffer) value).duplicate();
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        yield NODES.textNode(HexFormat.of().formatHex(copy));
      }
      case FIXED -> NODES.textNode(HexFormat.of().formatHex(((GenericFixed) value).bytes()));
      case ARRAY -> {
        ArrayNode array = NODES.arrayNode();
        ((Collection<?>) value).forEach(item -> array.add(node(item, schema.getElementType())));
        yield array;
      }
      case MAP -> {
        ObjectNode object = NODES.objectNode();
        ((Map<?, ?>) value)
            .forEach((key, item) -> object.set(key.toString(), node(item, schema.getValueType())));
        yield object;
      }
      case RECORD -> {
        ObjectNode object = NODES.objectNode();
        GenericRecord record = (GenericRecord) value;
        for (Schema.Field field : schema.getFields()) {
          if (record.get(field.pos()) != null) {
            object.set(field.name(), node(record.get(field.pos()), field.schema()));
          }
        }
        yield object;
      }
      default -> NODES.textNode(value.toString());
    };
  }
}
