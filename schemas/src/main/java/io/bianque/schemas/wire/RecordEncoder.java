package io.bianque.schemas.wire;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;

/**
 * Avro's binary encoding of generic records, the schema walked once and not again for each value:
 * Avro's own writer took a third of what an event cost in {@code bench streams}. Its bytes are the
 * same. Keeps a buffer: for one thread.
 */
final class RecordEncoder {
  /** Writes a value of one type. */
  private interface Step {
    void write(Object value);
  }

  /** What a rare large record needed is not kept for the next. */
  private static final int MOST_KEPT_BYTES = 64 << 10;

  /** By identity: a schema that contains itself is walked once all the same. */
  private final IdentityHashMap<Schema, Step> records = new IdentityHashMap<>();

  private final Step root;
  private byte[] bytes = new byte[2048];
  private int end;

  RecordEncoder(Schema schema) {
    this.root = record(schema);
  }

  /**
   * The header, and the record behind it.
   *
   * @throws AvroRuntimeException when a value does not fit the schema
   */
  byte[] encode(byte[] header, IndexedRecord record) {
    end = 0;
    put(header, 0, header.length);
    try {
      root.write(record);
    } catch (ClassCastException | NullPointerException e) {
      throw new AvroRuntimeException("a value does not fit the schema: " + e.getMessage(), e);
    }
    byte[] result = Arrays.copyOf(bytes, end);
    if (end > MOST_KEPT_BYTES) {
      bytes = new byte[2048];
    }
    return result;
  }

  private Step step(Schema schema) {
    return switch (schema.getType()) {
      case RECORD -> record(schema);
      case ENUM -> value -> putLong(schema.getEnumOrdinal(value.toString()));
      case ARRAY -> array(schema);
      case MAP -> map(schema);
      case UNION -> union(schema);
      case FIXED -> value -> putFixed(((GenericFixed) value).bytes(), schema.getFixedSize());
      case STRING -> value -> putText(value.toString());
      case BYTES -> value -> putBytes((ByteBuffer) value);
      case INT -> value -> putLong((Integer) value);
      case LONG -> value -> putLong(((Number) value).longValue());
      case FLOAT -> value -> putFloat((Float) value);
      case DOUBLE -> value -> putDouble((Double) value);
      case BOOLEAN -> value -> put((byte) ((Boolean) value ? 1 : 0));
      case NULL -> value -> {};
    };
  }

  private Step record(Schema schema) {
    Step known = records.get(schema);
    if (known != null) {
      return known;
    }
    List<Schema.Field> fields = schema.getFields();
    Step[] steps = new Step[fields.size()];
    Step step =
        value -> {
          IndexedRecord record = (IndexedRecord) value;
          int i = 0;
          try {
            while (i < steps.length) {
              int taken = record instanceof DerivedRecord derived ? take(derived, i) : 0;
              if (taken == 0) {
                steps[i].write(record.get(i));
              }
              i += Math.max(1, taken);
            }
          } catch (ClassCastException | NullPointerException e) {
            throw new AvroRuntimeException(
                "field '%s' of %s is %s: does not fit %s"
                    .formatted(
                        fields.get(i).name(),
                        schema.getFullName(),
                        record.get(i),
                        fields.get(i).schema()),
                e);
          }
        };
    records.put(schema, step);
    for (int i = 0; i < steps.length; i++) {
      steps[i] = step(fields.get(i).schema());
    }
    return step;
  }

  /** Writes the fields that are the source's from that one on, as they came; how many they are. */
  private int take(DerivedRecord record, int field) {
    int from = record.mapping().from(field);
    if (from < 0
        || !(record.source() instanceof BinaryRecord source)
        || source.hasMalformedText()) {
      return 0;
    }
    int run = record.mapping().run(field);
    int begin = source.begin(from);
    put(source.bytes(), begin, source.begin(from + run) - begin);
    return run;
  }

  private Step array(Schema schema) {
    Step element = step(schema.getElementType());
    boolean texts = schema.getElementType().getType() == Schema.Type.STRING;
    return value -> {
      if (texts && value instanceof EncodedTexts encoded) {
        put(encoded.avro(), 0, encoded.avro().length);
        return;
      }
      Collection<?> elements = (Collection<?>) value;
      if (!elements.isEmpty()) {
        putLong(elements.size());
        for (Object each : elements) {
          element.write(each);
        }
      }
      put((byte) 0);
    };
  }

  private Step map(Schema schema) {
    Step valueStep = step(schema.getValueType());
    return value -> {
      Map<?, ?> map = (Map<?, ?>) value;
      if (!map.isEmpty()) {
        putLong(map.size());
        map.forEach((key, each) -> {
          putText(key.toString());
          valueStep.write(each);
        });
      }
      put((byte) 0);
    };
  }

  private Step union(Schema schema) {
    List<Schema> types = schema.getTypes();
    Step[] steps = types.stream().map(this::step).toArray(Step[]::new);
    Integer ofNull = schema.getIndexNamed("null");
    if (types.size() == 2 && ofNull != null) {
      int other = 1 - ofNull;
      return value -> {
        if (value == null) {
          putLong(ofNull);
        } else {
          putLong(other);
          steps[other].write(value);
        }
      };
    }
    return value -> {
      int index = GenericData.get().resolveUnion(schema, value);
      putLong(index);
      steps[index].write(value);
    };
  }

  private void room(int more) {
    if (bytes.length - end < more) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, end + more));
    }
  }

  private void put(byte one) {
    room(1);
    bytes[end++] = one;
  }

  private void put(byte[] from, int start, int length) {
    room(length);
    System.arraycopy(from, start, bytes, end, length);
    end += length;
  }

  private void putFixed(byte[] fixed, int size) {
    if (fixed.length != size) {
      throw new AvroRuntimeException("a fixed of %d bytes has %d".formatted(size, fixed.length));
    }
    put(fixed, 0, size);
  }

  private void putText(String text) {
    if (!putAscii(text)) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      putLong(utf8.length);
      put(utf8, 0, utf8.length);
    }
  }

  /** Nearly every text is, and needs no array of its own; false, and nothing written, if not. */
  private boolean putAscii(String text) {
    int length = text.length();
    room(10 + length);
    int begin = end;
    putLong(length);
    byte[] to = bytes;
    int at = end;
    for (int i = 0; i < length; i++) {
      char letter = text.charAt(i);
      if (letter > 0x7f) {
        end = begin;
        return false;
      }
      to[at + i] = (byte) letter;
    }
    end = at + length;
    return true;
  }

  private void putBytes(ByteBuffer buffer) {
    int length = buffer.remaining();
    putLong(length);
    room(length);
    buffer.get(buffer.position(), bytes, end, length);
    end += length;
  }

  /** Zigzag, seven bits a byte. */
  private void putLong(long value) {
    room(10);
    long left = (value << 1) ^ (value >> 63);
    while ((left & ~0x7f) != 0) {
      bytes[end++] = (byte) (left | 0x80);
      left >>>= 7;
    }
    bytes[end++] = (byte) left;
  }

  private void putFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    for (int shift = 0; shift < 32; shift += 8) {
      put((byte) (bits >>> shift));
    }
  }

  private void putDouble(double value) {
    long bits = Double.doubleToRawLongBits(value);
    for (int shift = 0; shift < 64; shift += 8) {
      put((byte) (bits >>> shift));
    }
  }

  /** The texts as they are written: what {@link EncodedTexts} keeps. */
  static byte[] texts(List<String> texts) {
    RecordEncoder encoder = new RecordEncoder();
    if (!texts.isEmpty()) {
      encoder.putLong(texts.size());
      texts.forEach(encoder::putText);
    }
    encoder.put((byte) 0);
    return Arrays.copyOf(encoder.bytes, encoder.end);
  }

  private RecordEncoder() {
    this.root = value -> {};
  }
}
