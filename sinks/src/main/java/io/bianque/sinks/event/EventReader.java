package io.bianque.sinks.event;

import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.schemas.registry.WriterSchemas;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.schemas.wire.WireFormat;
import io.bianque.sinks.document.DocumentLayout;
import io.bianque.sinks.document.DocumentWriter;
import io.bianque.sinks.document.UnmappableSchema;
import io.bianque.sinks.event.Reading.Event;
import io.bianque.sinks.event.Reading.Unreadable;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Reads enriched events as they were written, and knows the document of each schema it meets.
 *
 * <p>The probe is the schema's name, not the topic's: so a replay's topics need no rule of their
 * own. One thread.
 */
public final class EventReader {
  /**
   * The servers' limit. A longer id is refused together with all other documents of its request.
   */
  private static final int MAX_ID_BYTES = 512;

  private final AvroReader<GenericRecord> avro;
  private final String namespace;
  private final Map<Integer, DocumentWriter> writers = new HashMap<>();

  public EventReader(WriterSchemas schemas, String namespace) {
    this.avro = AvroReader.generic(schemas);
    this.namespace = namespace;
  }

  /**
   * Reads a record of an enriched topic, whose value is bytes.
   *
   * @throws TryLater when the registry has to be asked for the schema and cannot be
   */
  public Reading read(SinkRecord record) {
    return switch (record.value()) {
      case null ->
          new Unreadable("no-value", "the record has no value; enriched topics have no tombstones");
      case byte[] bytes -> read(bytes);
      default ->
          throw new ConnectException(
              "Record values come as %s; set value.converter=org.apache.kafka.connect.converters.ByteArrayConverter for this connector"
                  .formatted(record.value().getClass().getName()));
    };
  }

  private Reading read(byte[] bytes) {
    try {
      GenericRecord event = avro.read(bytes);
      DocumentWriter writer = writer(WireFormat.schemaId(bytes), event.getSchema());
      String id = writer.id(event).toString();
      if (id.isEmpty() || id.getBytes(StandardCharsets.UTF_8).length > MAX_ID_BYTES) {
        return new Unreadable(
            "bad-event-id",
            "event_id has "
                + id.length()
                + " characters; a document id has 1 to "
                + MAX_ID_BYTES
                + " bytes");
      }
      return new Event(event, writer);
    } catch (UnreadableRecord e) {
      return new Unreadable(e.reason().word(), e.detail());
    } catch (UnmappableSchema e) {
      return new Unreadable("no-enriched-event", e.getMessage());
    } catch (RegistryUnreachable | RegistryRefused e) {
      throw new TryLater(e.getMessage(), e);
    }
  }

  private DocumentWriter writer(int schemaId, Schema schema) {
    return writers.computeIfAbsent(
        schemaId, id -> new DocumentWriter(DocumentLayout.of(schema), namespace));
  }
}
