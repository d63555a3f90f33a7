package io.bianque.agent.control;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.probe.Probes;
import io.bianque.facts.ControlOutcome;
import io.bianque.facts.ControlRequest;
import io.bianque.facts.ControlResult;
import io.bianque.facts.SymbolRequest;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.control.HostTraits;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.schemas.wire.UnreadableRecord.Reason;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the topics of requests from their beginning, and follows them. One thread of its own does
 * all that operators ask for.
 *
 * <p>The broker holds an answer back until there is a record, so that a request arrives at once and
 * following costs a request in five seconds. While the broker is away, what holds goes on and ends
 * by its time.
 */
public final class ControlFollower implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ControlFollower.class);

  /**
   * How long the broker keeps a fetch waiting for a record. No longer, because a fetch asks for the
   * partitions that are ready when it is sent: after a broker has come back, for one topic and not
   * yet for the other, which then has to wait.
   */
  private static final Duration LONG_POLL = Duration.ofSeconds(5);

  private static final Duration ANSWER = Duration.ofSeconds(30);

  private static final Duration RETRY = Duration.ofSeconds(5);
  private static final long PAUSE_STEP_MS = 500;
  private static final Duration STOP = Duration.ofSeconds(5);

  private final Map<String, Object> properties;
  private final AvroReader<ControlRequest> reader;
  private final AvroReader<SymbolRequest> symbolReader;
  private final Control control;
  private final SymbolRequests symbols;
  private final Thread thread;
  private final Object monitor = new Object();
  private final AtomicLong unreadable = new AtomicLong();
  private volatile String trouble = "not connected yet";
  private volatile boolean stopping;
  private volatile KafkaConsumer<byte[], byte[]> consumer;
  private volatile List<InForce> inForce = List.of();

  /** What was in the topic before this agent began to follow it. */
  private Map<TopicPartition, Long> backlogEnds = Map.of();

  private boolean caughtUp;

  /**
   * A request that holds now.
   *
   * @param endsAt by this host's clock
   */
  public record InForce(String requestId, String probe, String action, Instant endsAt) {}

  /**
   * How it stands.
   *
   * @param trouble why requests do not arrive now; empty when they do
   * @param outcomes what was said so far
   * @param unreadable records that were skipped because they hold no request
   */
  public record Report(
      Optional<String> trouble,
      Map<ControlResult, Long> outcomes,
      long unreadable,
      List<InForce> inForce) {
    public Report {
      outcomes = Map.copyOf(outcomes);
      inForce = List.copyOf(inForce);
    }
  }

  /**
   * Not begun yet.
   *
   * @param probesChanged called after a probe was started or stopped
   * @param outcomes takes what is to be published
   * @param symbols takes tables of symbols that this host is asked for, each as {@code <build
   *     id>/<object>}
   */
  public ControlFollower(
      AgentConfig config,
      HostTraits host,
      String hostName,
      Probes probes,
      Runnable probesChanged,
      Consumer<ControlOutcome> outcomes,
      Consumer<Set<String>> symbols) {
    this.properties = properties(config.kafka());
    RegistryClient registry = new RegistryClient(config.registry());
    this.reader = AvroReader.specific(registry, ControlRequest.class);
    this.symbolReader = AvroReader.specific(registry, SymbolRequest.class);
    this.symbols = new SymbolRequests(host.hostId(), symbols);
    this.control = new Control(config, host, hostName, probes, probesChanged, outcomes);
    this.thread = Thread.ofPlatform().name("bq-control").unstarted(this::run);
  }

  private static Map<String, Object> properties(AgentConfig.Kafka kafka) {
    Map<String, Object> properties = new HashMap<>();
    properties.put(ConsumerConfig.CLIENT_ID_CONFIG, "bianque-agent");
    properties.put(ConsumerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, 5000);
    kafka
        .properties()
        .forEach((name, value) -> {
          if (ConsumerConfig.configNames().contains(name)) {
            properties.put(name, value);
          }
        });
    properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, kafka.bootstrapServers());
    properties.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, (int) LONG_POLL.toMillis());
    properties.put(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis());
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    properties.put(ConsumerConfig.METRIC_REPORTER_CLASSES_CONFIG, "");
    properties.put(ConsumerConfig.ENABLE_METRICS_PUSH_CONFIG, false);
    return properties;
  }

  /** Begins to follow. */
  public void start() {
    thread.start();
  }

  /** How it stands. Any thread. */
  public Report report() {
    return new Report(Optional.ofNullable(trouble), control.counts(), unreadable.get(), inForce);
  }

  private void run() {
    while (!stopping) {
      try {
        consumer =
            new KafkaConsumer<>(
                properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        follow(consumer);
      } catch (WakeupException stopped) {
        // Seen by the loop.
      } catch (KafkaException e) {
        trouble(e.getCause() == null ? e.getMessage() : e.getCause().getMessage());
      } catch (RuntimeException e) {
        LOG.error("control goes on after an error that should not be", e);
        trouble(e.toString());
      } finally {
        closeConsumer();
      }
      pause(RETRY);
    }
  }

  /** At once: a fetch that the broker holds back would hold back the farewell behind it. */
  private void closeConsumer() {
    KafkaConsumer<byte[], byte[]> closing = consumer;
    consumer = null;
    if (closing != null) {
      closing.close(CloseOptions.timeout(Duration.ZERO));
    }
  }

  private void follow(KafkaConsumer<byte[], byte[]> from) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : List.of(Topics.CONTROL, Topics.SYMBOL_REQUESTS)) {
      List<PartitionInfo> found = from.partitionsFor(topic, ANSWER);
      if (found == null || found.isEmpty()) {
        trouble("the broker has no topic " + topic + ": make the catalogue's topics");
        return;
      }
      found.forEach(each -> partitions.add(new TopicPartition(topic, each.partition())));
    }
    backlogEnds = from.endOffsets(partitions, ANSWER);
    from.assign(partitions);
    followed();
    while (!stopping) {
      boolean all = take(from, from.poll(untilNextEnd()));
      // What was there before counts at once, not one by one.
      caughtUp |= hasRead(from, partitions);
      settle();
      if (all) {
        followed();
      } else {
        pause(RETRY);
      }
    }
  }

  /** Records that have to wait for the registry are read again; then false. */
  private boolean take(
      KafkaConsumer<byte[], byte[]> from, ConsumerRecords<byte[], byte[]> records) {
    boolean all = true;
    for (TopicPartition partition : records.partitions()) {
      for (ConsumerRecord<byte[], byte[]> each : records.records(partition)) {
        if (!take(each)) {
          from.seek(partition, each.offset());
          all = false;
          break;
        }
      }
    }
    return all;
  }

  private boolean hasRead(KafkaConsumer<byte[], byte[]> from, List<TopicPartition> partitions) {
    return partitions.stream()
        .allMatch(each -> from.position(each) >= backlogEnds.getOrDefault(each, 0L));
  }

  private void settle() {
    if (!caughtUp) {
      return;
    }
    control.settle(Instant.now());
    symbols.settle();
    inForce =
        control.holding().stream()
            .map(each ->
                new InForce(
                    each.request().getRequestId(),
                    each.request().getProbe(),
                    each.request().getAction().toString(),
                    each.endsAt()))
            .toList();
  }

  private Duration untilNextEnd() {
    Duration left =
        control.nextEnd().map(end -> Duration.between(Instant.now(), end)).orElse(LONG_POLL);
    return left.isNegative() ? Duration.ZERO : left.compareTo(LONG_POLL) < 0 ? left : LONG_POLL;
  }

  /** False when the registry has to be asked about the record and cannot be. */
  private boolean take(ConsumerRecord<byte[], byte[]> record) {
    if (record.key() == null) {
      skip(record, "it has no key");
      return true;
    }
    String id = new String(record.key(), StandardCharsets.UTF_8);
    try {
      if (record.topic().equals(Topics.SYMBOL_REQUESTS)) {
        symbols(id, record);
      } else {
        control(id, record);
      }
    } catch (UnreadableRecord e) {
      skip(record, e.getMessage());
    } catch (RegistryUnreachable e) {
      trouble(e.getMessage());
      return false;
    } catch (RuntimeException e) {
      // Read again it would be so again, and nothing behind it would be heard.
      LOG.error("request {} of {}", id, record.topic(), e);
      skip(record, "the agent does not know what to make of it");
    }
    return true;
  }

  private void control(String id, ConsumerRecord<byte[], byte[]> record) {
    if (record.value() == null) {
      control.withdrawn(id);
      return;
    }
    ControlRequest request = reader.read(record.value());
    if (!request.getRequestId().equals(id)) {
      throw new UnreadableRecord(
          Reason.NOT_AVRO, "its key is " + id + " and its id " + request.getRequestId());
    }
    long backlogEnd =
        backlogEnds.getOrDefault(new TopicPartition(record.topic(), record.partition()), 0L);
    control.request(request, record.offset() >= backlogEnd, Instant.now());
  }

  private void symbols(String key, ConsumerRecord<byte[], byte[]> record) {
    if (record.value() == null) {
      symbols.withdrawn(key);
    } else {
      symbols.request(key, symbolReader.read(record.value()));
    }
  }

  private void skip(ConsumerRecord<byte[], byte[]> record, String reason) {
    unreadable.incrementAndGet();
    LOG.warn(
        "{}-{}@{} is no request and is skipped: {}",
        record.topic(),
        record.partition(),
        record.offset(),
        reason);
  }

  private void trouble(String words) {
    if (!words.equals(trouble)) {
      LOG.warn("control requests do not arrive, what holds goes on: {}", words);
    }
    trouble = words;
  }

  private void followed() {
    if (trouble != null) {
      LOG.info("control requests are followed");
    }
    trouble = null;
  }

  /** Goes on ending what is over. */
  private void pause(Duration length) {
    Instant until = Instant.now().plus(length);
    while (!stopping && Instant.now().isBefore(until)) {
      synchronized (monitor) {
        try {
          if (!stopping) {
            monitor.wait(PAUSE_STEP_MS);
          }
        } catch (InterruptedException e) {
          stopping = true;
        }
      }
      settle();
    }
  }

  /** Ends following; probes stay as they are. */
  @Override
  public void close() {
    synchronized (monitor) {
      stopping = true;
      monitor.notifyAll();
    }
    KafkaConsumer<byte[], byte[]> waiting = consumer;
    if (waiting != null) {
      waiting.wakeup();
    }
    try {
      if (!thread.join(STOP)) {
        LOG.warn("a control request is still being carried out");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
