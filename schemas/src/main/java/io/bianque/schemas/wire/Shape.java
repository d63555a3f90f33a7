package io.bianque.schemas.wire;

import java.io.IOException;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;

/**
 * What a value of one schema looks like in Avro's binary encoding: enough to find its end, and all
 * that reading it would find wrong, without making it. One class with a switch, because the steps
 * of a record are all different and calls through an interface were what reading cost most.
 * Immutable once it is made.
 */
final class Shape {
  /** Value, in a union with null or not. */
  enum Kind {
    NULL,
    BOOLEAN,
    INT,
    LONG,
    FLOAT,
    DOUBLE,
    /** Length and bytes. */
    BYTES,
    STRING,
    FIXED,
    ENUM,
    ARRAY,
    MAP,
    UNION,
    RECORD
  }

  private static final int NO_UNION = -1;

  private final Kind kind;

  /** The branch that is null, where a union has two, of which the other is this. */
  private final int nullBranch;

  /** Bytes of a fixed, symbols of an enum. */
  private final int size;

  /** Elements of an array or map; branches; fields. */
  private final Shape[] parts;

  private Shape(Kind kind, int nullBranch, int size, Shape[] parts) {
    this.kind = kind;
    this.nullBranch = nullBranch;
    this.size = size;
    this.parts = parts;
  }

  static Shape of(Schema schema) {
    return of(schema, NO_UNION, new IdentityHashMap<>());
  }

  private static Shape of(Schema schema, int nullBranch, Map<Schema, Shape> records) {
    return switch (schema.getType()) {
      case NULL -> new Shape(Kind.NULL, nullBranch, 0, null);
      case BOOLEAN -> new Shape(Kind.BOOLEAN, nullBranch, 0, null);
      case INT -> new Shape(Kind.INT, nullBranch, 0, null);
      case LONG -> new Shape(Kind.LONG, nullBranch, 0, null);
      case FLOAT -> new Shape(Kind.FLOAT, nullBranch, 0, null);
      case DOUBLE -> new Shape(Kind.DOUBLE, nullBranch, 0, null);
      case BYTES -> new Shape(Kind.BYTES, nullBranch, 0, null);
      case STRING -> new Shape(Kind.STRING, nullBranch, 0, null);
      case FIXED -> new Shape(Kind.FIXED, nullBranch, schema.getFixedSize(), null);
      case ENUM -> new Shape(Kind.ENUM, nullBranch, schema.getEnumSymbols().size(), null);
      case ARRAY -> elements(Kind.ARRAY, nullBranch, schema.getElementType(), records);
      case MAP -> elements(Kind.MAP, nullBranch, schema.getValueType(), records);
      case UNION -> union(schema, records);
      case RECORD -> record(schema, nullBranch, records);
    };
  }

  private static Shape elements(
      Kind kind, int nullBranch, Schema element, Map<Schema, Shape> records) {
    return new Shape(kind, nullBranch, 0, new Shape[] {of(element, NO_UNION, records)});
  }

  private static Shape union(Schema schema, Map<Schema, Shape> records) {
    List<Schema> types = schema.getTypes();
    Integer ofNull = schema.getIndexNamed("null");
    if (types.size() == 2 && ofNull != null) {
      return of(types.get(1 - ofNull), ofNull, records);
    }
    Shape[] branches =
        types.stream().map(type -> of(type, NO_UNION, records)).toArray(Shape[]::new);
    return new Shape(Kind.UNION, NO_UNION, 0, branches);
  }

  private static Shape record(Schema schema, int nullBranch, Map<Schema, Shape> records) {
    Shape known = records.get(schema);
    if (known == null) {
      Shape[] parts = new Shape[schema.getFields().size()];
      known = new Shape(Kind.RECORD, NO_UNION, 0, parts);
      records.put(schema, known); // before its fields: one of them may be such a record
      for (int i = 0; i < parts.length; i++) {
        parts[i] = of(schema.getFields().get(i).schema(), NO_UNION, records);
      }
    }
    return nullBranch == NO_UNION ? known : new Shape(Kind.RECORD, nullBranch, 0, known.parts);
  }

  Kind kind() {
    return kind;
  }

  /** Of a record. */
  Shape[] fields() {
    return parts;
  }

  /** Of an array, or values of a map. */
  Shape element() {
    return parts[0];
  }

  boolean nullable() {
    return nullBranch != NO_UNION;
  }

  /** Reads which branch it is, where there is a union with null; whether the value is null. */
  boolean readNull(BoundedDecoder decoder) throws IOException {
    if (nullBranch == NO_UNION) {
      return false;
    }
    int branch = decoder.readIndex();
    if ((branch & ~1) != 0) {
      throw noBranch(branch, 2);
    }
    return branch == nullBranch;
  }

  /** Goes to the value's end. */
  void skip(BoundedDecoder decoder) throws IOException {
    if (readNull(decoder)) {
      return;
    }
    switch (kind) {
      case NULL -> {}
      case BOOLEAN -> {
        var _ = decoder.readBoolean();
      }
      case INT -> {
        var _ = decoder.readInt();
      }
      case LONG -> {
        var _ = decoder.readLong();
      }
      case FLOAT -> decoder.skipFixed(Float.BYTES);
      case DOUBLE -> decoder.skipFixed(Double.BYTES);
      case BYTES -> decoder.skipBytes();
      case STRING -> decoder.skipText();
      case FIXED -> decoder.skipFixed(size);
      case ENUM -> skipEnum(decoder);
      case ARRAY -> skipArray(decoder);
      case MAP -> skipMap(decoder);
      case UNION -> skipBranch(decoder);
      case RECORD -> {
        for (Shape field : parts) {
          field.skip(decoder);
        }
      }
    }
  }

  private void skipEnum(BoundedDecoder decoder) throws IOException {
    int symbol = decoder.readEnum();
    if (symbol < 0 || symbol >= size) {
      throw new BoundedDecoder.Malformed("an enum of " + size + " symbols has no " + symbol);
    }
  }

  // Element by element, though a block may say its size: it may say it wrongly.
  private void skipArray(BoundedDecoder decoder) throws IOException {
    for (long left = decoder.readArrayStart(); left > 0; left = decoder.arrayNext()) {
      for (; left > 0; left--) {
        parts[0].skip(decoder);
      }
    }
  }

  private void skipMap(BoundedDecoder decoder) throws IOException {
    for (long left = decoder.readMapStart(); left > 0; left = decoder.mapNext()) {
      for (; left > 0; left--) {
        decoder.skipText();
        parts[0].skip(decoder);
      }
    }
  }

  private void skipBranch(BoundedDecoder decoder) throws IOException {
    int branch = decoder.readIndex();
    if (branch < 0 || branch >= parts.length) {
      throw noBranch(branch, parts.length);
    }
    parts[branch].skip(decoder);
  }

  private static BoundedDecoder.Malformed noBranch(int branch, int branches) {
    return new BoundedDecoder.Malformed("a union of " + branches + " has no branch " + branch);
  }
}
