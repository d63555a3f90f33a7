package io.bianque.schemas.evolve;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;

/**
 * Compares a schema with its earlier versions. It must read the records of each ({@code
 * BACKWARD_TRANSITIVE}), and no field may change its logical type: to Avro and to registries that
 * changes nothing, to a reader it changes what every number means.
 */
public final class SchemaEvolution {
  private SchemaEvolution() {}

  /**
   * What forbids the change; empty when it may be made.
   *
   * @param versions earlier ones, oldest first
   */
  public static List<String> problems(Schema schema, List<Schema> versions) {
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < versions.size(); i++) {
      String with = "with version " + (i + 1) + ": ";
      problemsWith(versions.get(i), schema).forEach(problem -> problems.add(with + problem));
    }
    return problems;
  }

  private static List<String> problemsWith(Schema earlier, Schema schema) {
    List<String> problems = new ArrayList<>();
    var compatibility = SchemaCompatibility.checkReaderWriterCompatibility(schema, earlier);
    if (compatibility.getType() != SchemaCompatibilityType.COMPATIBLE) {
      compatibility
          .getResult()
          .getIncompatibilities()
          .forEach(i ->
              problems.add("%s at %s: %s".formatted(i.getType(), i.getLocation(), i.getMessage())));
    }
    compareMeaning("", earlier, schema, problems, new HashSet<>());
    return problems;
  }

  private static void compareMeaning(
      String path, Schema earlier, Schema schema, List<String> problems, Set<String> seenRecords) {
    Schema before = notNull(earlier);
    Schema now = notNull(schema);
    String meaningBefore = before.getProp("logicalType");
    String meaningNow = now.getProp("logicalType");
    if (!Objects.equals(meaningBefore, meaningNow)) {
      problems.add(
          "logical type at %s was %s and became %s; give the new meaning a field of its own"
              .formatted(path.isEmpty() ? "/" : path, meaningBefore, meaningNow));
    }
    if (before.getType() != now.getType()) {
      // Avro would also make text of bytes and floats of integers; it refuses the rest by itself.
      if ((isText(before) && isText(now)) || (isInteger(before) && isFloat(now))) {
        problems.add(
            "type at %s was %s and became %s; only int may become long"
                .formatted(path, before.getType().getName(), now.getType().getName()));
      }
      return;
    }
    switch (now.getType()) {
      case RECORD -> {
        if (seenRecords.add(now.getFullName())) {
          for (Schema.Field field : now.getFields()) {
            Schema.Field fieldBefore = before.getField(field.name());
            if (fieldBefore != null) {
              compareMeaning(
                  path + "/" + field.name(),
                  fieldBefore.schema(),
                  field.schema(),
                  problems,
                  seenRecords);
            }
          }
        }
      }
      case ARRAY ->
          compareMeaning(
              path + "/[]", before.getElementType(), now.getElementType(), problems, seenRecords);
      case MAP ->
          compareMeaning(
              path + "/{}", before.getValueType(), now.getValueType(), problems, seenRecords);
      default -> {}
    }
  }

  private static boolean isText(Schema type) {
    return type.getType() == Schema.Type.STRING || type.getType() == Schema.Type.BYTES;
  }

  private static boolean isInteger(Schema type) {
    return type.getType() == Schema.Type.INT || type.getType() == Schema.Type.LONG;
  }

  private static boolean isFloat(Schema type) {
    return type.getType() == Schema.Type.FLOAT || type.getType() == Schema.Type.DOUBLE;
  }

  private static Schema notNull(Schema type) {
    if (!type.isUnion()) {
      return type;
    }
    List<Schema> members =
        type.getTypes().stream().filter(m -> m.getType() != Schema.Type.NULL).toList();
    return members.size() == 1 ? members.getFirst() : type;
  }
}
