package io.bianque.schemas.wire;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/** Random records of any schema, and schemas to make them of. */
final class RandomRecords {
  /**
   * One field of every type that Avro has, but null: arrays of what takes no bytes are not read
   * (BoundedDecoder).
   */
  static final Schema ALL_TYPES =
      new Schema.Parser()
          .parse(
              """
              {"type": "record", "name": "all", "fields": [
                {"name": "b", "type": "boolean"}, {"name": "i", "type": "int"}, {"name": "l", "type": "long"},
                {"name": "f", "type": "float"}, {"name": "d", "type": "double"},
                {"name": "s", "type": "string"}, {"name": "y", "type": "bytes"},
                {"name": "x", "type": {"type": "fixed", "name": "six", "size": 6}},
                {"name": "e", "type": {"type": "enum", "name": "abc", "symbols": ["A", "B", "C"]}},
                {"name": "u", "type": ["null", "string", "long", {"type": "array", "items": "int"}]},
                {"name": "a", "type": {"type": "array", "items": {"type": "array", "items": "string"}}},
                {"name": "m", "type": {"type": "map", "values": ["null", "six"]}},
                {"name": "r", "type": {"type": "record", "name": "inner", "fields": [
                  {"name": "v", "type": "int"}, {"name": "next", "type": ["null", "inner"]}]}}
              ]}\
              """);

  private RandomRecords() {}

  static List<Schema> schemas() {
    Catalogue catalogue = Catalogue.load();
    List<Schema> schemas =
        new ArrayList<>(catalogue.topics().stream().map(catalogue::schema).distinct().toList());
    schemas.add(ALL_TYPES);
    return schemas;
  }

  static Schema dropwatch() {
    Catalogue catalogue = Catalogue.load();
    return catalogue.schema(catalogue.topic(Topics.raw("dropwatch")));
  }

  static GenericRecord record(Schema schema, Random random) {
    return (GenericRecord) value(schema, random, 0);
  }

  private static Object value(Schema schema, Random random, int depth) {
    return switch (schema.getType()) {
      case RECORD -> {
        GenericData.Record record = new GenericData.Record(schema);
        schema
            .getFields()
            .forEach(field -> record.put(field.pos(), value(field.schema(), random, depth + 1)));
        yield record;
      }
      case UNION -> {
        int branch = depth > 6 ? 0 : random.nextInt(schema.getTypes().size());
        yield value(schema.getTypes().get(branch), random, depth + 1);
      }
      case ARRAY -> {
        List<Object> list = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          list.add(value(schema.getElementType(), random, depth + 1));
        }
        yield list;
      }
      case MAP -> {
        Map<String, Object> map = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          map.put(text(random), value(schema.getValueType(), random, depth + 1));
        }
        yield map;
      }
      case ENUM ->
          new GenericData.EnumSymbol(
              schema, schema.getEnumSymbols().get(random.nextInt(schema.getEnumSymbols().size())));
      case FIXED -> new GenericData.Fixed(schema, bytes(random, schema.getFixedSize()));
      case BYTES -> ByteBuffer.wrap(bytes(random, random.nextInt(20)));
      case STRING -> text(random);
      case INT -> random.nextInt() >> random.nextInt(32);
      case LONG -> random.nextLong() >> random.nextInt(64);
      case FLOAT -> random.nextFloat();
      case DOUBLE -> random.nextDouble();
      case BOOLEAN -> random.nextBoolean();
      case NULL -> null;
    };
  }

  private static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(20); i > 0; i--) {
      text.appendCodePoint(
          random.nextBoolean() ? 'a' + random.nextInt(26) : 0x1f600 + random.nextInt(60));
    }
    return text.toString();
  }
}
