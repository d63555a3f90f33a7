package io.bianque.agent.record;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.publish.ByHost;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Plays a recording to a broker, in its order. */
public final class Player {
  /** For a broker that is not there, or does not have the topic. */
  private static final long LONGEST_WAIT_MS = 15_000;

  private final AgentConfig config;
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<String, Schema> schemas = new HashMap<>();
  private final AtomicReference<Exception> failure = new AtomicReference<>();

  public Player(AgentConfig config) {
    this.config = config;
  }

  /** What was played. */
  public record Played(long events, long facts) {}

  /**
   * Plays the whole file and waits until the broker has it.
   *
   * @param eventsPerSecond 0 for as fast as the broker takes them
   * @param shiftToNow whether the first event's time becomes now, and all others' move along
   * @throws IOException when the file cannot be read, or a schema is not registered, or the broker
   *     does not take a record
   */
  public Played play(Path file, double eventsPerSecond, boolean shiftToNow) throws IOException {
    RegistryClient registry = new RegistryClient(config.registry());
    long events = 0;
    long facts = 0;
    OptionalLong first = Recording.check(file);
    Shift shift = shiftToNow ? shiftOf(first) : null;
    try (var in = Recording.open(file);
        var producer = producer()) {
      long begin = System.nanoTime();
      for (GenericRecord record : in) {
        if (failure.get() != null) {
          break;
        }
        boolean event = Recording.isEvent(record.get(Recording.TOPIC).toString());
        if (event && eventsPerSecond > 0) {
          LockSupport.parkNanos(
              begin + (long) (events * 1e9 / eventsPerSecond) - System.nanoTime());
        }
        send(producer, registry, in, record, shift);
        events += event ? 1 : 0;
        facts += event ? 0 : 1;
      }
      producer.flush();
    } catch (KafkaException e) {
      Throwable reason = e.getCause() == null ? e : e.getCause();
      throw new IOException("the broker does not take the recording: " + reason.getMessage(), e);
    } catch (AvroRuntimeException e) {
      throw new IOException(
          "%s is damaged: a value does not fit its schema: %s".formatted(file, e.getMessage()), e);
    }
    if (failure.get() != null) {
      throw new IOException(
          "the broker did not take all of it: " + failure.get().getMessage(), failure.get());
    }
    return new Played(events, facts);
  }

  private KafkaProducer<String, byte[]> producer() {
    Map<String, Object> properties = new HashMap<>();
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "zstd");
    properties.put(ProducerConfig.LINGER_MS_CONFIG, 20);
    properties.putAll(config.kafka().properties());
    properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, config.kafka().bootstrapServers());
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, LONGEST_WAIT_MS);
    properties.put(ProducerConfig.PARTITIONER_CLASS_CONFIG, ByHost.class);
    return new KafkaProducer<>(properties, new StringSerializer(), new ByteArraySerializer());
  }

  /** The first event's distance from now. */
  private static Shift shiftOf(OptionalLong first) {
    long millis = first.isEmpty() ? 0 : System.currentTimeMillis() - first.getAsLong();
    return new Shift(TimeUnit.MILLISECONDS.toNanos(millis));
  }

  private void send(
      KafkaProducer<String, byte[]> producer,
      RegistryClient registry,
      DataFileReader<GenericRecord> in,
      GenericRecord record,
      Shift shift)
      throws IOException {
    String topic = record.get(Recording.TOPIC).toString();
    String fingerprint = record.get(Recording.SCHEMA).toString();
    Schema schema = schemas.get(fingerprint);
    if (schema == null) {
      schema = new Schema.Parser().parse(in.getMetaString(Recording.METADATA_PREFIX + fingerprint));
      schemas.put(fingerprint, schema);
    }
    Integer id = ids.get(topic + fingerprint);
    if (id == null) {
      id = lookUp(registry, topic, schema);
      ids.put(topic + fingerprint, id);
    }
    byte[] body = Shift.bytes((ByteBuffer) record.get(Recording.VALUE));
    long timestamp = (long) record.get(Recording.TIMESTAMP);
    if (shift != null) {
      body = shift.apply(schema, body);
      timestamp += shift.millis();
    }
    String key = record.get(Recording.KEY).toString();
    var _ =
        producer.send(
            new ProducerRecord<>(topic, null, timestamp, key, WireFormat.frame(id, body)),
            (metadata, error) -> {
              if (error != null) {
                failure.compareAndSet(null, error);
              }
            });
  }

  private static int lookUp(RegistryClient registry, String topic, Schema schema)
      throws IOException {
    try {
      return registry
          .lookup(Topics.subject(topic), schema)
          .orElseThrow(() ->
              new IOException(
                  "the registry does not have the recording's schema of %s; was it recorded by another version?"
                      .formatted(topic)));
    } catch (RuntimeException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}
