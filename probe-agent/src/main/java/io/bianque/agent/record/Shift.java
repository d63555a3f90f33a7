package io.bianque.agent.record;

import io.bianque.facts.HostFacts;
import io.bianque.facts.ProbeCounters;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Moves a recorded value in time: wall times, and the epochs of probes with them. So each playing
 * is a life of its own, whose sequence numbers nobody has seen, and its events are not taken for
 * duplicates of the last playing's.
 */
final class Shift {
  private static final Set<String> LOGICAL_TYPES = Set.of("timestamp-nanos", "probe-epoch");

  /** Fields of the agent's own facts that are times, and do not say so by a logical type. */
  private static final Set<String> FACT_FIELDS =
      Set.of(
          ProbeCounters.getClassSchema().getFullName() + ".epoch",
          HostFacts.getClassSchema().getFullName() + ".clock_offset_ns");

  private final long nanos;

  Shift(long nanos) {
    this.nanos = nanos;
  }

  long millis() {
    return TimeUnit.NANOSECONDS.toMillis(nanos);
  }

  byte[] apply(Schema schema, byte[] body) throws IOException {
    GenericRecord record =
        new GenericDatumReader<GenericRecord>(schema, schema, new GenericData())
            .read(null, DecoderFactory.get().binaryDecoder(body, null));
    for (Schema.Field field : schema.getFields()) {
      if (isTime(schema, field) && record.get(field.pos()) instanceof Long time) {
        record.put(field.pos(), time + nanos);
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(body.length + 16);
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
    new GenericDatumWriter<GenericRecord>(schema, new GenericData()).write(record, encoder);
    encoder.flush();
    return out.toByteArray();
  }

  private static boolean isTime(Schema schema, Schema.Field field) {
    String logicalType = field.schema().getProp("logicalType");
    return (logicalType != null && LOGICAL_TYPES.contains(logicalType))
        || FACT_FIELDS.contains(schema.getFullName() + "." + field.name());
  }

  static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
