package io.bianque.agent.record;

import io.bianque.agent.container.ContainerWatch;
import io.bianque.agent.publish.SchemaIds;
import io.bianque.facts.Container;
import io.bianque.facts.HostFacts;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.SymbolChunk;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.WireFormat;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.specific.SpecificRecord;

/**
 * Writes a recording. For one thread.
 *
 * <p>The order matters to who plays it: facts and symbols first, then the counts at the start, then
 * events, then the last counts.
 */
public final class Recorder implements Closeable {
  private final String hostId;
  private final Map<String, String> fingerprints = new HashMap<>();
  private final Map<Class<?>, AvroWriter<SpecificRecord>> writers = new HashMap<>();
  private final DataFileWriter<GenericRecord> out;
  private long events;

  /**
   * Begins a recording.
   *
   * @param schemas of the probes' events, by probe
   */
  public Recorder(Path file, String hostId, Map<String, Schema> schemas) throws IOException {
    this.hostId = hostId;
    this.out = new DataFileWriter<>(new GenericDatumWriter<>(Recording.RECORD));
    // Of a kernel's symbols level 9 makes 0.3 % less than level 6, in six times the time.
    out.setCodec(CodecFactory.deflateCodec(6));
    schemas.forEach((probe, schema) -> know(Topics.raw(probe), schema));
    know(Topics.HOSTS, HostFacts.getClassSchema());
    know(Topics.CONTAINERS, Container.getClassSchema());
    know(Topics.SYMBOLS, SymbolChunk.getClassSchema());
    know(Topics.COUNTERS, ProbeCounters.getClassSchema());
    out.create(Recording.RECORD, file.toFile());
  }

  private void know(String topic, Schema schema) {
    String fingerprint = SchemaIds.fingerprint(schema);
    fingerprints.put(topic, fingerprint);
    out.setMeta(Recording.METADATA_PREFIX + fingerprint, schema.toString());
  }

  /** Events recorded so far. */
  public long events() {
    return events;
  }

  /** Records an event, as an event sink takes it. */
  public void event(String probe, long wallNanos, byte[] buffer, int offset, int length) {
    append(
        Topics.raw(probe),
        hostId,
        TimeUnit.NANOSECONDS.toMillis(wallNanos),
        ByteBuffer.wrap(buffer, offset, length));
    events++;
  }

  public void facts(HostFacts facts) {
    append(Topics.HOSTS, hostId, facts.getObservedAt().toEpochMilli(), body(facts));
  }

  /** What there is to say of containers; tombstones say nothing to who has only the recording. */
  public void containers(List<ContainerWatch.Said> said) {
    for (ContainerWatch.Said each : said) {
      if (each.container() != null) {
        long observedAt = each.container().getObservedAt().toEpochMilli();
        append(Topics.CONTAINERS, each.key(), observedAt, body(each.container()));
      }
    }
  }

  public void symbols(SymbolChunk chunk) {
    String key = chunk.getBuildId() + "/" + chunk.getObject() + "/" + chunk.getChunk();
    append(Topics.SYMBOLS, key, Instant.now().toEpochMilli(), body(chunk));
  }

  /** The counts of now: whoever plays the recording sees to it that its events are acknowledged. */
  public void counters(List<ProbeCounters> all) {
    all.forEach(each -> each.setAcked(each.getRead() - each.getEncodeFailed()));
    all.forEach(each -> append(Topics.COUNTERS, hostId, each.getTime().toEpochMilli(), body(each)));
  }

  private void append(String topic, String key, long timestamp, ByteBuffer body) {
    try {
      out.append(
          new GenericRecordBuilder(Recording.RECORD)
              .set(Recording.TOPIC, topic)
              .set(Recording.KEY, key)
              .set(Recording.TIMESTAMP, timestamp)
              .set(Recording.SCHEMA, fingerprints.get(topic))
              .set(Recording.VALUE, body)
              .build());
    } catch (IOException e) {
      throw new UncheckedIOException("the recording cannot be written: " + e.getMessage(), e);
    }
  }

  @SuppressWarnings("unchecked")
  private ByteBuffer body(SpecificRecord record) {
    AvroWriter<SpecificRecord> writer =
        writers.computeIfAbsent(
            record.getClass(), type -> AvroWriter.specific(0, (Class<SpecificRecord>) type));
    byte[] framed = writer.write(record);
    return ByteBuffer.wrap(framed, WireFormat.HEADER, framed.length - WireFormat.HEADER);
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
