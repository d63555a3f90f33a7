package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.tests.components.Components;
import io.bianque.tests.drops.NumberedDrops;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** What one host's agent has published, read from the broker. For one thread. */
final class Published {
  private final String bootstrapServers;
  private final String hostId;
  private final AvroReader<GenericRecord> avro;

  /** One host is one key, so its records are in one partition, in order. */
  Published(Components components, String hostId) {
    this.bootstrapServers = components.bootstrapServers();
    this.hostId = hostId;
    this.avro = AvroReader.generic(new RegistryClient(components.registry()));
  }

  /** Events of the host, in the topic's order. */
  List<GenericRecord> events() {
    return values(Topics.raw(AgentProcess.PROBE));
  }

  /** Counters of the host's probe, in the topic's order. */
  List<GenericRecord> counters() {
    return values(Topics.COUNTERS);
  }

  /** The last counters of one life. */
  GenericRecord lastCounters(long epoch) {
    return counters().stream()
        .filter(row -> (long) row.get("epoch") == epoch)
        .reduce((earlier, later) -> later)
        .orElseThrow(() -> new AssertionError("no counters of epoch " + epoch));
  }

  private List<GenericRecord> values(String topic) {
    return records(topic).stream().map(this::value).toList();
  }

  GenericRecord value(ConsumerRecord<String, byte[]> record) {
    return avro.read(record.value());
  }

  /** Those whose key is the host's id, or begins with it and a slash. */
  List<ConsumerRecord<String, byte[]>> records(String topic) {
    List<ConsumerRecord<String, byte[]>> found = new ArrayList<>();
    try (KafkaConsumer<String, byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrapServers),
            new StringDeserializer(),
            new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(each -> new TopicPartition(topic, each.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
        for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofMillis(200))) {
          if ((record.key() + "/").startsWith(hostId + "/")) {
            found.add(record);
          }
        }
      }
    }
    return found;
  }

  /** Numbers of the drops among the events, in the events' order. */
  static List<Integer> numbers(NumberedDrops drops, List<GenericRecord> events) {
    return events.stream()
        .filter(event -> Long.valueOf(drops.namespace()).equals(event.get("netns")))
        .filter(event -> address(Side.RIGHT).equals(event.get("daddr")))
        .map(event -> drops.number((int) event.get("dport")))
        .filter(number -> number >= 0 && number < drops.sent())
        .toList();
  }

  /** Each of the numbers from the first to the last is there, once, and no other. */
  static void mustBe(List<Integer> numbers, int first, int end) {
    Set<Integer> missing = new TreeSet<>(IntStream.range(first, end).boxed().toList());
    List<Integer> unexpected = numbers.stream().filter(number -> !missing.remove(number)).toList();
    assertThat(missing).as("missing").isEmpty();
    assertThat(unexpected).as("there twice, or not expected").isEmpty();
  }

  private static ByteBuffer address(Side side) {
    try {
      return ByteBuffer.wrap(InetAddress.getByName(side.ipv4()).getAddress());
    } catch (UnknownHostException e) {
      throw new IllegalStateException("an address in digits is not looked up", e);
    }
  }

  /** Sequence numbers of one life's events by CPU, in the events' order. */
  static Map<Integer, List<Long>> sequences(List<GenericRecord> events, long epoch) {
    Map<Integer, List<Long>> sequences = new TreeMap<>();
    events.stream()
        .filter(event -> (long) event.get("epoch") == epoch)
        .forEach(event ->
            sequences
                .computeIfAbsent((int) event.get("cpu"), _ -> new ArrayList<>())
                .add((long) event.get("sequence")));
    return sequences;
  }

  /**
   * Of each CPU the events of one life are the newest without a hole, each once and in order.
   *
   * @return how many older ones are missing, on CPUs of which one is there
   */
  static long missingBeforeTheNewest(List<GenericRecord> events, long epoch) {
    long missing = 0;
    for (Map.Entry<Integer, List<Long>> cpu : sequences(events, epoch).entrySet()) {
      List<Long> there = cpu.getValue();
      assertThat(there)
          .as("sequence numbers of CPU %d", cpu.getKey())
          .isEqualTo(
              LongStream.rangeClosed(there.getFirst(), there.getFirst() + there.size() - 1)
                  .boxed()
                  .toList());
      missing += there.getFirst() - 1;
    }
    return missing;
  }

  static void mustBalance(GenericRecord counters) {
    assertThat(counters.get("read"))
        .as("%s", counters)
        .isEqualTo(
            (long) counters.get("encode_failed")
                + (long) counters.get("acked")
                + (long) counters.get("spooled")
                + (long) counters.get("spool_dropped")
                + (long) counters.get("in_flight"));
    assertThat(counters.get("attempted"))
        .isEqualTo(
            (long) counters.get("rate_limited")
                + (long) counters.get("ring_full")
                + (long) counters.get("submitted"));
  }
}
