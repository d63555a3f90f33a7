package io.bianque.sinks.event;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.UnknownSchemaId;
import io.bianque.schemas.registry.WriterSchemas;
import io.bianque.schemas.wire.AvroWriter;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.sink.SinkRecord;

/** Records as Connect delivers them. */
public final class Fixtures {
  public static final String TOPIC = "bianque.enriched.dropwatch";
  static final int SCHEMA_ID = 7;
  private static final Schema SCHEMA = dropwatch();

  private Fixtures() {}

  /** Knows the one schema of these records. */
  public static WriterSchemas schemas() {
    return id -> {
      if (id != SCHEMA_ID) {
        throw new UnknownSchemaId("no schema " + id);
      }
      return SCHEMA;
    };
  }

  public static SinkRecord record(int partition, long offset, byte[] value) {
    return new SinkRecord(
        TOPIC,
        partition,
        null,
        null,
        null,
        value,
        offset,
        System.currentTimeMillis(),
        TimestampType.CREATE_TIME);
  }

  /** Event number {@code offset} of the partition. */
  public static SinkRecord event(int partition, long offset) {
    return record(
        partition, offset, AvroWriter.generic(SCHEMA_ID, SCHEMA).write(avro(partition, offset)));
  }

  public static String id(int partition, long offset) {
    return "bianque.raw.dropwatch-" + partition + "-" + offset;
  }

  private static GenericRecord avro(int partition, long offset) {
    GenericRecord event = new GenericData.Record(SCHEMA);
    for (Schema.Field field : SCHEMA.getFields()) {
      event.put(
          field.pos(),
          switch (field.schema().getType()) {
            case STRING -> "text";
            case INT -> 1;
            case LONG -> offset;
            case ARRAY -> List.of("kfree_skb_reason+0x7e", "tcp_v4_rcv+0x8d");
            default -> null;
          });
    }
    event.put("event_id", id(partition, offset));
    return event;
  }

  private static Schema dropwatch() {
    Catalogue catalogue = Catalogue.load();
    return catalogue.schema(catalogue.topic(Topics.enriched("dropwatch")));
  }
}
