package io.bianque.schemas.wire;

import io.bianque.facts.HostFacts;
import io.bianque.schemas.registry.UnknownSchemaId;
import io.bianque.schemas.registry.WriterSchemas;
import io.bianque.schemas.wire.UnreadableRecord.Reason;
import java.io.IOException;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Function;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericData.StringType;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.DatumReader;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.util.ClassSecurityValidator;
import org.apache.avro.util.ClassSecurityValidator.ClassSecurityPredicate;

/**
 * Reads records of the wire format: by the schema each was written with, into the reader's where
 * there is one. Keeps a decoder and a resolution a schema id: for one thread.
 */
public final class AvroReader<T extends IndexedRecord> {
  // Since Avro 1.12.2 a class that a schema names must be trusted before it is made: ours are.
  static {
    ClassSecurityPredicate others = ClassSecurityValidator.getGlobal();
    String facts = HostFacts.class.getPackageName();
    ClassSecurityValidator.setGlobal(
        ClassSecurityValidator.composite(others, type -> type.getPackageName().equals(facts)));
  }

  private final WriterSchemas writerSchemas;
  private final Function<Schema, DatumReader<T>> readerOf;
  private final Map<Integer, DatumReader<T>> readers = new HashMap<>();
  private final BoundedDecoder decoder = new BoundedDecoder();

  private AvroReader(WriterSchemas writerSchemas, Function<Schema, DatumReader<T>> readerOf) {
    this.writerSchemas = writerSchemas;
    this.readerOf = readerOf;
  }

  /**
   * Each record as it was written. Strings are {@link String}, bytes are {@link
   * java.nio.ByteBuffer}.
   */
  public static AvroReader<GenericRecord> generic(WriterSchemas writerSchemas) {
    return new AvroReader<>(
        writerSchemas, writer -> genericReader(writer, withJavaStrings(writer)));
  }

  /**
   * Each record as it was written, as {@link #generic(WriterSchemas)}, but for its fields, which
   * are read when they are asked for. That takes a third of the time where most are not.
   */
  public static AvroReader<GenericRecord> lazy(WriterSchemas writerSchemas) {
    RecentTexts texts = new RecentTexts();
    return new AvroReader<>(
        writerSchemas,
        writer -> new BinaryRecord.Reader(withJavaStrings(checked(writer, writer)), texts));
  }

  /**
   * Each record resolved into the reader's schema. Strings are {@link String}, bytes are {@link
   * java.nio.ByteBuffer}.
   */
  public static AvroReader<GenericRecord> generic(
      WriterSchemas writerSchemas, Schema readerSchema) {
    Schema expected = withJavaStrings(readerSchema);
    return new AvroReader<>(writerSchemas, writer -> genericReader(writer, expected));
  }

  /** Each record resolved into a generated class. */
  public static <T extends SpecificRecord> AvroReader<T> specific(
      WriterSchemas writerSchemas, Class<T> type) {
    SpecificData model = SpecificData.getForClass(type);
    Schema expected = model.getSchema(type);
    return new AvroReader<>(
        writerSchemas,
        writer -> new SpecificDatumReader<>(checked(writer, expected), expected, model));
  }

  /**
   * Reads a record.
   *
   * @throws UnreadableRecord when the bytes are at fault
   * @throws io.bianque.schemas.registry.RegistryUnreachable when the registry has to be asked and
   *     cannot be
   */
  public T read(byte[] record) {
    int id = WireFormat.schemaId(record);
    DatumReader<T> reader = reader(id);
    decoder.reset(record, WireFormat.HEADER, record.length);
    T value;
    try {
      value = reader.read(null, decoder);
    } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException e) {
      throw unreadable(id, e);
    }
    if (decoder.left() > 0) {
      throw new UnreadableRecord(
          Reason.NOT_AVRO, decoder.left() + " bytes follow the end of the record" + inSchema(id));
    }
    return value;
  }

  private DatumReader<T> reader(int id) {
    DatumReader<T> reader = readers.get(id);
    if (reader == null) {
      try {
        reader = readerOf.apply(writerSchemas.schema(id));
      } catch (UnknownSchemaId e) {
        throw new UnreadableRecord(Reason.UNKNOWN_SCHEMA_ID, e.getMessage(), e);
      }
      readers.put(id, reader);
    }
    return reader;
  }

  // Avro's readers of collections wrap what the decoder throws.
  private static UnreadableRecord unreadable(int id, Exception thrown) {
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof BoundedDecoder.Truncated) {
        return new UnreadableRecord(Reason.TRUNCATED, cause.getMessage() + inSchema(id), thrown);
      }
    }
    return new UnreadableRecord(Reason.NOT_AVRO, thrown.getMessage() + inSchema(id), thrown);
  }

  private static String inSchema(int id) {
    return " (schema id " + id + ")";
  }

  private static DatumReader<GenericRecord> genericReader(Schema writer, Schema expected) {
    return new GenericDatumReader<>(checked(writer, expected), expected, new GenericData());
  }

  // Avro itself finds out only at the first record, and then without saying which schemas.
  private static Schema checked(Schema writer, Schema expected) {
    var compatibility = SchemaCompatibility.checkReaderWriterCompatibility(expected, writer);
    if (writer.getType() != Schema.Type.RECORD
        || compatibility.getType() != SchemaCompatibilityType.COMPATIBLE) {
      throw new UnreadableRecord(
          Reason.INCOMPATIBLE_SCHEMA,
          "written as %s, read as %s: %s"
              .formatted(
                  writer.getFullName(),
                  expected.getFullName(),
                  compatibility.getResult().getIncompatibilities()));
    }
    return writer;
  }

  private static Schema withJavaStrings(Schema schema) {
    Schema copy = new Schema.Parser().parse(schema.toString());
    setStringType(copy, new IdentityHashMap<>());
    return copy;
  }

  private static void setStringType(Schema schema, Map<Schema, Boolean> seen) {
    if (seen.putIfAbsent(schema, true) != null) {
      return;
    }
    switch (schema.getType()) {
      case STRING -> GenericData.setStringType(schema, StringType.String);
      case RECORD -> schema.getFields().forEach(field -> setStringType(field.schema(), seen));
      case ARRAY -> setStringType(schema.getElementType(), seen);
      case MAP -> {
        GenericData.setStringType(schema, StringType.String);
        setStringType(schema.getValueType(), seen);
      }
      case UNION -> schema.getTypes().forEach(type -> setStringType(type, seen));
      default -> {}
    }
  }
}
