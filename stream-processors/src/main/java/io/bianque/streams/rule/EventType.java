package io.bianque.streams.rule;

import com.google.common.collect.ImmutableCollection;
import com.google.common.collect.ImmutableMap;
import dev.cel.common.types.CelType;
import dev.cel.common.types.CelTypeProvider;
import dev.cel.common.types.ListType;
import dev.cel.common.types.MapType;
import dev.cel.common.types.NullableType;
import dev.cel.common.types.SimpleType;
import dev.cel.common.types.StructType;
import dev.cel.common.types.StructTypeReference;
import io.bianque.schemas.derive.EnrichedSchema;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;

/**
 * The types that CEL checks conditions with, made from an enriched schema: each record is a struct.
 */
final class EventType implements CelTypeProvider {
  private final ImmutableMap<String, CelType> types;

  EventType(Schema event) {
    Map<String, CelType> found = new LinkedHashMap<>();
    collect(event, event, found);
    this.types = ImmutableMap.copyOf(found);
  }

  @Override
  public ImmutableCollection<CelType> types() {
    return types.values();
  }

  @Override
  public Optional<CelType> findType(String name) {
    return Optional.ofNullable(types.get(name));
  }

  private static void collect(Schema event, Schema schema, Map<String, CelType> found) {
    switch (schema.getType()) {
      case RECORD -> {
        if (!found.containsKey(schema.getFullName())) {
          ImmutableMap.Builder<String, CelType> fields = ImmutableMap.builder();
          found.put(schema.getFullName(), SimpleType.DYN); // a record may hold itself
          for (Schema.Field field : schema.getFields()) {
            // What rules say is not there yet when they are asked.
            if (!schema.equals(event) || !EnrichedSchema.OF_RULES.contains(field.name())) {
              collect(event, field.schema(), found);
              fields.put(field.name(), type(field.schema()));
            }
          }
          ImmutableMap<String, CelType> byName = fields.buildOrThrow();
          found.put(
              schema.getFullName(),
              StructType.create(
                  schema.getFullName(),
                  byName.keySet(),
                  name -> Optional.ofNullable(byName.get(name))));
        }
      }
      case ARRAY -> collect(event, schema.getElementType(), found);
      case MAP -> collect(event, schema.getValueType(), found);
      case UNION -> schema.getTypes().forEach(type -> collect(event, type, found));
      default -> {}
    }
  }

  private static CelType type(Schema schema) {
    CelType type =
        switch (notNull(schema).getType()) {
          case INT, LONG -> SimpleType.INT;
          case FLOAT, DOUBLE -> SimpleType.DOUBLE;
          case BOOLEAN -> SimpleType.BOOL;
          case STRING, ENUM -> SimpleType.STRING;
          case BYTES, FIXED -> SimpleType.BYTES;
          case ARRAY -> ListType.create(type(notNull(schema).getElementType()));
          case MAP -> MapType.create(SimpleType.STRING, type(notNull(schema).getValueType()));
          case RECORD -> StructTypeReference.create(notNull(schema).getFullName());
          case UNION, NULL -> SimpleType.DYN;
        };
    return nullable(schema) && type instanceof SimpleType && !type.equals(SimpleType.DYN)
        ? NullableType.create(type)
        : type;
  }

  static boolean isList(Schema schema) {
    return notNull(schema).getType() == Schema.Type.ARRAY;
  }

  private static boolean nullable(Schema schema) {
    return schema.getType() == Schema.Type.UNION
        && schema.getTypes().stream().anyMatch(type -> type.getType() == Schema.Type.NULL);
  }

  /** The one type beside null; the schema itself when it is no such union. */
  static Schema notNull(Schema schema) {
    if (schema.getType() != Schema.Type.UNION
        || schema.getTypes().size() != 2
        || !nullable(schema)) {
      return schema;
    }
    return schema.getTypes().get(0).getType() == Schema.Type.NULL
        ? schema.getTypes().get(1)
        : schema.getTypes().get(0);
  }
}
