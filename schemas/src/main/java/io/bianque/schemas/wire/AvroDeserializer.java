package io.bianque.schemas.wire;

import org.apache.avro.generic.IndexedRecord;
import org.apache.kafka.common.serialization.Deserializer;

/** An {@link AvroReader} as Kafka wants it: null stays null, a tombstone. For one thread. */
public final class AvroDeserializer<T extends IndexedRecord> implements Deserializer<T> {
  private final AvroReader<T> reader;

  public AvroDeserializer(AvroReader<T> reader) {
    this.reader = reader;
  }

  /**
   * {@inheritDoc}
   *
   * @throws UnreadableRecord when the bytes are at fault; Kafka's consumer then stays before the
   *     record
   */
  @Override
  public T deserialize(String topic, byte[] record) {
    return record == null ? null : reader.read(record);
  }
}
