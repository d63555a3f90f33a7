package io.bianque.agent.publish;

import io.bianque.agent.config.AgentConfig;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The one producer, and what is with it.
 *
 * <p>A record that the producer accepted is never given up by it (no delivery timeout), so it is
 * written once: retries go under the batch's own sequence number. It never blocks either: what it
 * cannot take at once it refuses. Only when it reports an error that no retry mends does {@link
 * #resetWanted} rise; then the publisher closes it, takes back what was with it and begins with a
 * new one. Thread-safe but for {@link #open} and {@link #close}.
 */
final class Outlet {
  private final Map<String, Object> properties;
  private final long inFlightLimit;
  private final Runnable onChange;
  private final AtomicLong inFlightBytes = new AtomicLong();
  private volatile KafkaProducer<byte[], byte[]> producer;
  private volatile String resetReason;
  private volatile String trouble = "not connected yet";

  /** What became of a call of {@link #send}. */
  enum Sent {
    ACCEPTED,
    /** Not now; the record is as if it had never been sent. */
    REFUSED,
    /** Never: the broker or the producer will not take this record. */
    HOPELESS
  }

  /** What is told of a record that was accepted, by the producer's thread, once. */
  interface Settled {
    void acknowledged();

    /** The broker will never take it. */
    void hopeless(String reason);
  }

  /**
   * @param onChange called after an acknowledgement or an error; by the producer's thread
   */
  Outlet(AgentConfig.Kafka kafka, Runnable onChange) {
    this.properties = properties(kafka);
    this.inFlightLimit = kafka.inFlightBytes();
    this.onChange = onChange;
  }

  static Map<String, Object> properties(AgentConfig.Kafka kafka) {
    Map<String, Object> properties = new HashMap<>();
    // At 1,000 events/s, 500 ms are one batch of some 30 KiB: two requests a second instead of ten.
    properties.put(ProducerConfig.LINGER_MS_CONFIG, 500);
    // Each topic's batch is a buffer of that size on the heap, however little is in it, and stays.
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, 32 << 10);
    properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 4L << 20);
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "zstd");
    // Level 1 needs a window of 512 KiB where the default level 3 needs 2 MiB, for 3 % more bytes.
    properties.put(ProducerConfig.COMPRESSION_ZSTD_LEVEL_CONFIG, 1);
    properties.put(ProducerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, 5000);
    // A quiet probe's topic is not forgotten: its next event would otherwise be refused until it is
    // known again.
    properties.put(ProducerConfig.METADATA_MAX_IDLE_CONFIG, Integer.MAX_VALUE);
    properties.put(ProducerConfig.CLIENT_ID_CONFIG, "bianque-agent");
    properties.putAll(kafka.properties());
    properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, kafka.bootstrapServers());
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Integer.MAX_VALUE);
    properties.put(ProducerConfig.RETRIES_CONFIG, Integer.MAX_VALUE);
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 0L);
    properties.put(ProducerConfig.PARTITIONER_CLASS_CONFIG, ByHost.class);
    // Neither JMX beans nor pushed client metrics: the agent's own metrics say what an operator
    // needs.
    properties.put(ProducerConfig.METRIC_REPORTER_CLASSES_CONFIG, "");
    properties.put(ProducerConfig.ENABLE_METRICS_PUSH_CONFIG, false);
    return properties;
  }

  boolean isOpen() {
    return producer != null;
  }

  /** Whether another record may be given to it now. */
  boolean hasRoom() {
    return producer != null && resetReason == null && inFlightBytes.get() < inFlightLimit;
  }

  /** Why a new producer is needed; null as long as this one works. */
  String resetWanted() {
    return resetReason;
  }

  long inFlightBytes() {
    return inFlightBytes.get();
  }

  /** What is wrong with the connection; null when nothing is. */
  String trouble() {
    return trouble;
  }

  /** Makes a producer; false with {@link #trouble} when that cannot be done now. */
  boolean open() {
    try {
      resetReason = null;
      producer =
          new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
      return true;
    } catch (KafkaException e) {
      trouble =
          e.getCause() == null ? e.getMessage() : e.getMessage() + ": " + e.getCause().getMessage();
      return false;
    }
  }

  /**
   * Closes the producer, if there is one; it has that long to deliver what is with it. No {@link
   * Settled} is called once this returns.
   */
  void close(Duration limit) {
    KafkaProducer<byte[], byte[]> closing = producer;
    producer = null;
    if (closing != null) {
      closing.close(limit);
    }
    inFlightBytes.set(0);
  }

  Sent send(ProducerRecord<byte[], byte[]> record, int bytes, Settled settled) {
    KafkaProducer<byte[], byte[]> to = producer;
    if (to == null) {
      return Sent.REFUSED;
    }
    Delivery delivery = new Delivery(settled, bytes);
    inFlightBytes.addAndGet(bytes);
    Exception refusal;
    try {
      var _ = to.send(record, delivery);
      refusal = delivery.refusal;
    } catch (IllegalStateException | KafkaException e) {
      // Closed meanwhile, or in a state that it does not come out of.
      refusal = e;
      want(e);
    }
    if (refusal == null) {
      return Sent.ACCEPTED;
    }
    inFlightBytes.addAndGet(-bytes);
    trouble = refusal.getMessage();
    return isHopeless(refusal) ? Sent.HOPELESS : Sent.REFUSED;
  }

  private void want(Exception e) {
    resetReason = e.toString();
    trouble = e.getMessage();
  }

  private static boolean isHopeless(Exception e) {
    return e instanceof RecordTooLargeException || e instanceof RecordBatchTooLargeException;
  }

  /**
   * Hears what becomes of one record. An error told by the thread that is sending means that the
   * producer did not accept it; later ones come from the producer's own thread.
   */
  private final class Delivery implements Callback {
    private final long sender = Thread.currentThread().threadId();
    private final Settled settled;
    private final int bytes;
    private Exception refusal;

    Delivery(Settled settled, int bytes) {
      this.settled = settled;
      this.bytes = bytes;
    }

    @Override
    public void onCompletion(
        org.apache.kafka.clients.producer.RecordMetadata metadata, Exception error) {
      if (error != null && Thread.currentThread().threadId() == sender) {
        refusal = error;
        return;
      }
      if (error == null) {
        trouble = null;
        settled.acknowledged();
      } else if (isHopeless(error)) {
        settled.hopeless(error.getMessage());
      } else {
        // Stays where it is noted as in flight: whoever resets takes it back from there.
        if (producer != null) {
          want(error);
        }
        onChange.run();
        return;
      }
      inFlightBytes.addAndGet(-bytes);
      onChange.run();
    }
  }
}
