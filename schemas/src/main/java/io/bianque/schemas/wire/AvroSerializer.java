package io.bianque.schemas.wire;

import org.apache.avro.generic.IndexedRecord;
import org.apache.kafka.common.serialization.Serializer;

/** An {@link AvroWriter} as Kafka wants it: null stays null, a tombstone. For one thread. */
public final class AvroSerializer<T extends IndexedRecord> implements Serializer<T> {
  private final AvroWriter<T> writer;

  public AvroSerializer(AvroWriter<T> writer) {
    this.writer = writer;
  }

  @Override
  public byte[] serialize(String topic, T record) {
    return record == null ? null : writer.write(record);
  }
}
