package io.bianque.schemas.wire;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;

/**
 * Writes records of one schema, whose id in the registry is known. Keeps buffers: for one thread.
 */
public final class AvroWriter<T extends IndexedRecord> {
  /** A record behind a header. */
  private interface Encoding<T> {
    byte[] encode(byte[] header, T record);
  }

  private final int schemaId;
  private final byte[] header = new byte[WireFormat.HEADER];
  private final Encoding<T> encoding;

  private AvroWriter(int schemaId, Encoding<T> encoding) {
    this.schemaId = schemaId;
    this.encoding = encoding;
    WireFormat.putHeader(schemaId, header, 0);
  }

  /**
   * A writer of generic records, whose schema may differ from {@code schema} in custom properties
   * only.
   */
  public static AvroWriter<GenericRecord> generic(int schemaId, Schema schema) {
    return new AvroWriter<>(schemaId, new RecordEncoder(schema)::encode);
  }

  /** A writer of a generated class. */
  public static <T extends SpecificRecord> AvroWriter<T> specific(int schemaId, Class<T> type) {
    return new AvroWriter<>(schemaId, new Specific<>(type));
  }

  public int schemaId() {
    return schemaId;
  }

  /**
   * The record in the wire format.
   *
   * @throws org.apache.avro.AvroRuntimeException when a field's value does not fit the schema
   */
  public byte[] write(T record) {
    return encoding.encode(header, record);
  }

  /** Avro's own, which knows how generated classes keep times. */
  private static final class Specific<T extends SpecificRecord> implements Encoding<T> {
    /** What a rare large record needed, a part of a symbol table say, is not kept for the next. */
    private static final int MOST_KEPT_BYTES = 64 << 10;

    private final SpecificDatumWriter<T> writer;
    private ByteArrayOutputStream out;
    private BinaryEncoder encoder;

    Specific(Class<T> type) {
      SpecificData model = SpecificData.getForClass(type);
      this.writer = new SpecificDatumWriter<>(model.getSchema(type), model);
      begin();
    }

    private void begin() {
      out = new ByteArrayOutputStream(512);
      encoder = EncoderFactory.get().directBinaryEncoder(out, null);
    }

    @Override
    public byte[] encode(byte[] header, T record) {
      out.reset();
      out.writeBytes(header);
      try {
        writer.write(record, encoder);
        encoder.flush();
      } catch (IOException e) {
        throw new UncheckedIOException("Writing to memory failed", e);
      }
      byte[] bytes = out.toByteArray();
      if (bytes.length > MOST_KEPT_BYTES) {
        begin();
      }
      return bytes;
    }
  }
}
