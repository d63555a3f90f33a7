package io.bianque.standalone.live;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;

/** Avro records as JSON and as lines for people. Knows logical types, no probe. */
public final class EventView {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final HexFormat HEX = HexFormat.of();

  private EventView() {}

  /** The record with addresses and times as text, other bytes in hexadecimal. */
  public static ObjectNode json(GenericRecord record) {
    ObjectNode node = NODES.objectNode();
    for (Schema.Field field : record.getSchema().getFields()) {
      node.set(field.name(), value(field.schema(), record.get(field.pos())));
    }
    return node;
  }

  private static JsonNode value(Schema schema, Object value) {
    return switch (value) {
      case null -> NODES.nullNode();
      case GenericRecord record -> json(record);
      case ByteBuffer bytes -> NODES.textNode(bytes(bytes));
      case GenericFixed bytes -> NODES.textNode(HEX.formatHex(bytes.bytes()));
      case Collection<?> items -> {
        ArrayNode array = NODES.arrayNode();
        Schema list = branch(schema, Schema.Type.ARRAY);
        boolean addresses =
            List.of("kernel-stack", "user-stack")
                .contains(String.valueOf(list.getProp("logicalType")));
        items.forEach(item ->
            array.add(
                addresses && item instanceof Long address
                    ? NODES.textNode("0x" + Long.toHexString(address))
                    : value(list.getElementType(), item)));
        yield array;
      }
      case Map<?, ?> map -> {
        ObjectNode object = NODES.objectNode();
        Schema element = branch(schema, Schema.Type.MAP).getValueType();
        map.forEach((key, item) -> object.set(key.toString(), value(element, item)));
        yield object;
      }
      case Boolean truth -> NODES.booleanNode(truth);
      case Integer number -> NODES.numberNode(number);
      case Long number -> number(branch(schema, Schema.Type.LONG), number);
      case Float number -> NODES.numberNode(number);
      case Double number -> NODES.numberNode(number);
      default -> NODES.textNode(value.toString());
    };
  }

  private static JsonNode number(Schema schema, long number) {
    String meaning = schema.getProp("logicalType");
    return switch (meaning == null ? "" : meaning) {
      case "timestamp-nanos" ->
          NODES.textNode(
              Instant.ofEpochSecond(
                      Math.floorDiv(number, 1_000_000_000L), Math.floorMod(number, 1_000_000_000L))
                  .toString());
      case "kernel-address" -> NODES.textNode("0x" + Long.toHexString(number));
      case "uint64", "cgroup-id", "sequence", "monotonic-nanos" ->
          NODES.numberNode(new java.math.BigInteger(Long.toUnsignedString(number)));
      default -> NODES.numberNode(number);
    };
  }

  /** Four and sixteen bytes are addresses wherever this pipeline has them. */
  private static String bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    if (bytes.length == 4 || bytes.length == 16) {
      try {
        return InetAddress.getByAddress(bytes).getHostAddress();
      } catch (UnknownHostException wrongLength) {
        throw new IllegalStateException(wrongLength);
      }
    }
    return HEX.formatHex(bytes);
  }

  /** The branch of that type of a union, or the schema itself. */
  private static Schema branch(Schema schema, Schema.Type type) {
    if (schema.getType() != Schema.Type.UNION) {
      return schema;
    }
    return schema.getTypes().stream()
        .filter(branch -> branch.getType() == type)
        .findFirst()
        .orElse(schema);
  }

  /**
   * The fields that say something, {@code name=value} one after another, and below them, indented,
   * lists of more than two items one item a line.
   */
  public static String lines(ObjectNode event) {
    StringBuilder line = new StringBuilder();
    StringBuilder below = new StringBuilder();
    for (Map.Entry<String, JsonNode> field : event.properties()) {
      JsonNode value = field.getValue();
      if (value.isNull() || (value.isContainerNode() && value.isEmpty())) {
        continue;
      }
      if (value.isArray() && value.size() > 2) {
        below.append("\n    ").append(field.getKey());
        value.forEach(item -> below.append("\n      ").append(text(item)));
      } else {
        line.append(line.isEmpty() ? "" : "  ")
            .append(field.getKey())
            .append('=')
            .append(text(value));
      }
    }
    return line.append(below).toString();
  }

  private static String text(JsonNode value) {
    if (!value.isTextual()) {
      return value.toString();
    }
    String text = value.asText();
    return text.isEmpty() || text.contains(" ") ? '"' + text + '"' : text;
  }

  /** One line of JSON. */
  public static String compact(JsonNode node) {
    try {
      return JSON.writeValueAsString(node);
    } catch (IOException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
