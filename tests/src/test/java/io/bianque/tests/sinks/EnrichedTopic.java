package io.bianque.tests.sinks;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.tests.components.Components;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** A topic with enriched dropwatch events, and one for what the sink gives up. */
final class EnrichedTopic implements AutoCloseable {
  static final int PARTITIONS = 4;
  static final long FIRST_NANOS = 1_795_355_000_000_000_000L;

  private final String name;
  private final Components components;
  private final RegistryClient registry;
  private final KafkaProducer<byte[], byte[]> producer;
  private final Schema schema = dropwatch();
  private final AvroWriter<GenericRecord> writer;
  private final List<Future<RecordMetadata>> sent = new ArrayList<>();

  EnrichedTopic(Components components, String name)
      throws ExecutionException, InterruptedException {
    this.name = name;
    this.components = components;
    this.registry = new RegistryClient(components.registry());
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", components.bootstrapServers()))) {
      admin
          .createTopics(
              List.of(
                  new NewTopic(name, PARTITIONS, (short) 1),
                  new NewTopic(deadLetters(), 1, (short) 1)))
          .all()
          .get();
    }
    Catalogue catalogue = Catalogue.load();
    registry.register(
        Topics.subject(Topics.DEAD_LETTER), catalogue.schema(catalogue.topic(Topics.DEAD_LETTER)));
    writer = AvroWriter.generic(registry.register(Topics.subject(name), schema), schema);
    producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", components.bootstrapServers(), "linger.ms", "5"),
            new ByteArraySerializer(),
            new ByteArraySerializer());
  }

  static Schema dropwatch() {
    Catalogue catalogue = Catalogue.load();
    return catalogue.schema(catalogue.topic(Topics.enriched("dropwatch")));
  }

  String name() {
    return name;
  }

  String deadLetters() {
    return name + ".dead-letter";
  }

  Components components() {
    return components;
  }

  RegistryClient registry() {
    return registry;
  }

  /** Writes events numbered from {@code first}, over all partitions. */
  void events(int first, int count) throws Exception {
    for (int i = first; i < first + count; i++) {
      value(i % PARTITIONS, writer.write(event(i)));
    }
    flush();
  }

  void event(GenericRecord event) throws Exception {
    value(
        0,
        AvroWriter.generic(
                registry.register(Topics.subject(name), event.getSchema()), event.getSchema())
            .write(event));
    flush();
  }

  void value(int partition, byte[] value) {
    // The event's own time, as the stream tier sets it: here the time of writing, for a test's
    // events are new.
    sent.add(
        producer.send(
            new ProducerRecord<>(name, partition, "host".getBytes(StandardCharsets.UTF_8), value)));
  }

  /** Returns when the broker has all that was written. */
  void flush() throws Exception {
    producer.flush();
    for (Future<RecordMetadata> record : sent) {
      record.get();
    }
    sent.clear();
  }

  byte[] encoded(GenericRecord event) {
    return writer.write(event);
  }

  /** An event like those of a real host, whose id and fields tell its number. */
  GenericRecord event(int number) {
    return fill(new GenericData.Record(schema), number);
  }

  GenericRecord fill(GenericRecord event, int number) {
    event.put(
        "event_id",
        "bianque.raw.dropwatch-%d-%d".formatted(number % PARTITIONS, number / PARTITIONS));
    event.put("host_name", "node-7.example");
    event.put("kernel_release", "6.12.95+deb13-amd64");
    event.put("kernel_build_id", "b3b7f0f2a1c94e6f9ab1d7a7b3b7f0f2a1c94e6f");
    event.put("missing", List.of());
    event.put("tags", List.of());
    event.put("rules_version", "1");
    event.put("host_id", "0123456789abcdef0123456789abcdef");
    event.put("boot_id", "5f0e2c4e-0e53-4a52-8a7d-6f2d9a3a1f10");
    event.put("epoch", FIRST_NANOS - 1);
    event.put("cpu", number % 8);
    event.put("sequence", (long) number);
    event.put("ktime_ns", 1_000_000_007L + number);
    event.put("time", FIRST_NANOS + number);
    event.put("pid", 4_000 + number % 100);
    event.put("tid", 4_000 + number % 100);
    event.put("comm", "ksoftirqd/" + number % 8);
    event.put("cgroup_id", 1L);
    event.put("netns", 4_026_531_840L);
    event.put("ifindex", 2);
    event.put("device", "eth0");
    event.put("ether_type", "ipv4");
    event.put("ip_protocol", "tcp");
    event.put("saddr", "10.1.%d.%d".formatted(number / 250 % 250, number % 250 + 1));
    event.put("saddr_name", "client.example");
    event.put("daddr", "fd00::17");
    event.put("sport", 1_024 + number % 60_000);
    event.put("dport", 443);
    event.put("tcp_seq", 4_000_000_000L);
    event.put("tcp_ack", 0L);
    event.put("tcp_flags", List.of("SYN"));
    event.put("tcp_window", 64_240);
    event.put("sk_state", "LISTEN");
    event.put("sk_protocol", "tcp");
    event.put("packet_length", 60L);
    event.put("drop_reason", "NO_SOCKET");
    event.put("drop_reason_code", 3L);
    event.put("drop_source", "software");
    event.put("location", "tcp_v4_rcv+0x8d");
    event.put(
        "kernel_stack",
        List.of(
            "kfree_skb_reason+0x7e",
            "tcp_v4_rcv+0x8d",
            "ip_protocol_deliver_rcu+0x32",
            "ip_local_deliver_finish+0x76",
            "__netif_receive_skb_one_core+0x85",
            "process_backlog+0x8b",
            "__napi_poll+0x28",
            "net_rx_action+0x29a",
            "handle_softirqs+0xd2",
            "run_ksoftirqd+0x2f",
            "smpboot_thread_fn+0xd9",
            "kthread+0xe1",
            "ret_from_fork+0x2f",
            "ret_from_fork_asm+0x1a"));
    return event;
  }

  @Override
  public void close() {
    producer.close();
  }
}
