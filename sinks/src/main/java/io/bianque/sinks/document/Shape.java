package io.bianque.sinks.document;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;

/**
 * What an Avro value becomes in a document, and how an index maps it. Null values are the caller's:
 * a null is absent.
 */
sealed interface Shape {

  /** The value of an index mapping's property. */
  Map<String, Object> mapping();

  /** One value, or, in {@link ListOf}, one of several: an index does not tell the two apart. */
  enum Scalar implements Shape {
    KEYWORD("keyword"),
    /**
     * Bytes as hex digits: what one searches for is an address or a hash, and hex is how those are
     * written.
     */
    HEX("keyword"),
    /**
     * An unsigned 64-bit number: above 2^63 - 1 no numeric type that every server has could hold
     * it.
     */
    UNSIGNED("keyword"),
    IP("ip"),
    INTEGER("integer"),
    LONG("long"),
    FLOAT("float"),
    DOUBLE("double"),
    BOOLEAN("boolean"),
    NANOS("date_nanos"),
    MICROS("date_nanos"),
    MILLIS("date_nanos");

    /**
     * Longer keywords are kept in the document but not indexed; without a limit one of more than
     * 32,766 bytes would have its whole document refused. A stack frame is at most 512 bytes of
     * symbol, an offset and a module's name of 56.
     */
    private static final int IGNORE_ABOVE = 1024;

    private final String indexType;

    Scalar(String indexType) {
      this.indexType = indexType;
    }

    @Override
    public Map<String, Object> mapping() {
      // In one order always: the rendered mapping is compared with a committed one.
      Map<String, Object> mapping = new LinkedHashMap<>();
      mapping.put("type", indexType);
      if (indexType.equals("keyword")) {
        mapping.put("ignore_above", IGNORE_ABOVE);
      }
      return mapping;
    }
  }

  record ListOf(Shape items) implements Shape {
    @Override
    public Map<String, Object> mapping() {
      return items.mapping();
    }
  }

  record Member(int position, String name, Shape shape) {}

  record ObjectOf(List<Member> members) implements Shape {
    @Override
    public Map<String, Object> mapping() {
      Map<String, Object> properties = new LinkedHashMap<>();
      members.forEach(member -> properties.put(member.name(), member.shape().mapping()));
      return Map.of("properties", properties);
    }
  }

  /** Keys are data here, so each would be a field of its own: kept in the document, not indexed. */
  record MapOf(Shape values) implements Shape {
    @Override
    public Map<String, Object> mapping() {
      Map<String, Object> mapping = new LinkedHashMap<>();
      mapping.put("type", "object");
      mapping.put("enabled", false);
      return mapping;
    }
  }

  /**
   * The shape of an Avro type.
   *
   * @param wide whether whole numbers are long whatever their width: ECS says so of its own fields,
   *     and a field must not have two types in two data streams
   * @throws UnmappableSchema if the schema has no such form
   */
  static Shape of(Schema schema, String path, boolean wide) {
    LogicalType logical = schema.getLogicalType();
    // Only the logical types that Avro knows are parsed to objects; ours stay a property of the
    // schema.
    String named =
        logical != null ? logical.getName() : schema.getProp(LogicalType.LOGICAL_TYPE_PROP);
    return switch (schema.getType()) {
      case STRING -> "ip".equals(named) ? Scalar.IP : Scalar.KEYWORD;
      case ENUM -> Scalar.KEYWORD;
      case BYTES, FIXED -> {
        if (logical instanceof LogicalTypes.Decimal) {
          throw new UnmappableSchema(path, "a decimal has no exact form in an index; use a string");
        }
        yield Scalar.HEX;
      }
      case INT -> wide ? Scalar.LONG : Scalar.INTEGER;
      case LONG ->
          switch (named) {
            case "timestamp-nanos" -> Scalar.NANOS;
            case "timestamp-micros" -> Scalar.MICROS;
            case "timestamp-millis" -> Scalar.MILLIS;
            case "uint64", "kernel-address" -> Scalar.UNSIGNED;
            case null, default -> Scalar.LONG;
          };
      case FLOAT -> Scalar.FLOAT;
      case DOUBLE -> Scalar.DOUBLE;
      case BOOLEAN -> Scalar.BOOLEAN;
      case ARRAY -> new ListOf(of(schema.getElementType(), path + "[]", wide));
      case MAP -> new MapOf(of(schema.getValueType(), path + "{}", wide));
      case RECORD ->
          new ObjectOf(
              schema.getFields().stream()
                  .map(f ->
                      new Member(f.pos(), f.name(), of(f.schema(), path + "." + f.name(), wide)))
                  .toList());
      case UNION -> {
        List<Schema> branches =
            schema.getTypes().stream().filter(s -> s.getType() != Schema.Type.NULL).toList();
        if (branches.size() != 1) {
          throw new UnmappableSchema(
              path,
              "a union of " + branches.size() + " types would be one index field of several types");
        }
        yield of(branches.getFirst(), path, wide);
      }
      case NULL -> throw new UnmappableSchema(path, "a field that is always null has no type");
    };
  }
}
