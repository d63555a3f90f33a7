package io.bianque.schemas;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;

/**
 * A record schema as its file has it: a line a field, so that a change of one field shows as a
 * change of one line.
 */
final class SchemaText {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SchemaText() {}

  static String of(Schema schema) {
    ObjectNode record;
    try {
      record = (ObjectNode) JSON.readTree(schema.toString());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Avro wrote a schema that is no JSON: " + schema, e);
    }
    JsonNode fields = record.remove("fields");
    List<String> lines = new ArrayList<>();
    record.properties().forEach(p -> lines.add("  " + member(p.getKey(), p.getValue())));
    List<String> fieldLines = new ArrayList<>();
    fields.forEach(field -> fieldLines.add("    " + line(field)));
    lines.add("  \"fields\": [\n" + String.join(",\n", fieldLines) + "\n  ]");
    return "{\n" + String.join(",\n", lines) + "\n}\n";
  }

  private static String line(JsonNode node) {
    List<String> parts = new ArrayList<>();
    if (node.isObject()) {
      node.properties().forEach(p -> parts.add(member(p.getKey(), p.getValue())));
      return "{" + String.join(", ", parts) + "}";
    }
    if (node.isArray()) {
      node.forEach(element -> parts.add(line(element)));
      return "[" + String.join(", ", parts) + "]";
    }
    return node.toString();
  }

  private static String member(String key, JsonNode value) {
    return JSON.getNodeFactory().textNode(key) + ": " + line(value);
  }
}
