package io.bianque.schemas.wire;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.PrimitivesArrays;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.Decoder;

/**
 * A record as it was written: where its fields begin has been found, and that nothing in it is
 * wrong; a field's value is made when it is asked for, once. What is only passed on is never made:
 * {@link DerivedRecord} takes its bytes. Cannot be changed; for the thread of its reader.
 */
public final class BinaryRecord implements GenericRecord {
  private final Reader reader;
  private final byte[] bytes;

  /** Where each field begins, and behind them the end. */
  private final int[] begins;

  private final boolean malformedText;
  private final Object[] values;

  private BinaryRecord(Reader reader, byte[] bytes, int[] begins, boolean malformedText) {
    this.reader = reader;
    this.bytes = bytes;
    this.begins = begins;
    this.malformedText = malformedText;
    this.values = new Object[begins.length - 1];
  }

  @Override
  public Schema getSchema() {
    return reader.schema;
  }

  @Override
  public Object get(int field) {
    Object value = values[field];
    if (value == null) {
      value = reader.value(field, bytes, begins[field], begins[field + 1]);
      values[field] = value;
    }
    return value;
  }

  @Override
  public Object get(String field) {
    Schema.Field known = reader.schema.getField(field);
    return known == null ? null : get(known.pos());
  }

  /** The array that the record is in; not to be changed. */
  byte[] bytes() {
    return bytes;
  }

  /** Whether some text has bytes that are not to be passed on: its value has others. */
  boolean hasMalformedText() {
    return malformedText;
  }

  /** Where a field begins, or, behind the last, where the record ends. */
  int begin(int field) {
    return begins[field];
  }

  @Override
  public void put(int field, Object value) {
    throw new UnsupportedOperationException("a record that was read is not changed");
  }

  @Override
  public void put(String field, Object value) {
    throw new UnsupportedOperationException("a record that was read is not changed");
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof BinaryRecord that
        && reader.schema.equals(that.reader.schema)
        && GenericData.get().compare(this, that, reader.schema) == 0;
  }

  @Override
  public int hashCode() {
    return GenericData.get().hashCode(this, reader.schema);
  }

  @Override
  public String toString() {
    return GenericData.get().toString(this);
  }

  /** Reads records of one schema, in which strings are {@link String}. For one thread. */
  static final class Reader implements DatumReader<GenericRecord> {
    private final Schema schema;
    private final Shape[] shapes;
    private final DatumReader<?>[] others;
    private final RecentTexts texts;
    private final BoundedDecoder decoder = new BoundedDecoder();

    /**
     * @param texts where strings are taken from that came before
     */
    Reader(Schema schema, RecentTexts texts) {
      this.schema = schema;
      this.shapes = Shape.of(schema).fields();
      this.others = new DatumReader<?>[shapes.length];
      this.texts = texts;
    }

    @Override
    public GenericRecord read(GenericRecord reuse, Decoder in) throws IOException {
      BoundedDecoder from = (BoundedDecoder) in;
      int[] begins = new int[shapes.length + 1];
      for (int i = 0; i < shapes.length; i++) {
        begins[i] = from.position();
        shapes[i].skip(from);
      }
      begins[shapes.length] = from.position();
      return new BinaryRecord(this, from.bytes(), begins, from.hasMalformedText());
    }

    private Object value(int field, byte[] bytes, int from, int to) {
      Shape shape = shapes[field];
      decoder.reset(bytes, from, to);
      try {
        if (!isFrequent(shape)) {
          return other(field);
        }
        if (shape.readNull(decoder)) {
          return null;
        }
        return switch (shape.kind()) {
          case BOOLEAN -> decoder.readBoolean();
          case INT -> decoder.readInt();
          case LONG -> decoder.readLong();
          case STRING -> decoder.readString(texts);
          case BYTES -> decoder.readBytes(null);
          default -> longs(field);
        };
      } catch (IOException e) {
        throw new UncheckedIOException("read before, and not now", e);
      }
    }

    /** What nearly all fields of events are; the others are left to Avro. */
    private static boolean isFrequent(Shape shape) {
      return switch (shape.kind()) {
        case BOOLEAN, INT, LONG, STRING, BYTES -> true;
        case ARRAY -> shape.element().kind() == Shape.Kind.LONG && !shape.element().nullable();
        case NULL, FLOAT, DOUBLE, FIXED, ENUM, MAP, UNION, RECORD -> false;
      };
    }

    /** A stack: most of what a record of an event is. */
    private PrimitivesArrays.LongArray longs(int field) throws IOException {
      Schema type = schema.getFields().get(field).schema();
      if (type.isUnion()) {
        type = type.getTypes().get(1 - type.getIndexNamed("null"));
      }
      long left = decoder.readArrayStart();
      PrimitivesArrays.LongArray longs = new PrimitivesArrays.LongArray((int) left, type);
      for (; left > 0; left = decoder.arrayNext()) {
        for (; left > 0; left--) {
          longs.add(longs.size(), decoder.readLong());
        }
      }
      return longs;
    }

    @SuppressWarnings("unchecked")
    private Object other(int field) throws IOException {
      if (others[field] == null) {
        Schema type = schema.getFields().get(field).schema();
        others[field] = new GenericDatumReader<>(type, type, new GenericData());
      }
      return ((DatumReader<Object>) others[field]).read(null, decoder);
    }

    @Override
    public void setSchema(Schema other) {
      throw new UnsupportedOperationException("reads records of one schema");
    }
  }
}
