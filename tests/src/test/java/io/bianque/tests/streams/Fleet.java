package io.bianque.tests.streams;

import io.bianque.facts.Container;
import io.bianque.facts.DeadLetter;
import io.bianque.facts.HostFacts;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.ProbeState;
import io.bianque.facts.RuleSet;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.tests.components.Components;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;

/**
 * Hosts that send what agents send, and a reader of what comes out. Hosts are new with each object,
 * and spread evenly over the partitions of events, in turn.
 */
final class Fleet implements AutoCloseable {
  static final String PROBE = "dropwatch";
  static final long TEXT = 0xffffffff81000000L;
  static final long EPOCH = 1_700_000_000_000_000_000L;

  /** Letters' records stood behind all others. */
  static final long LETTERS = 1_000_000;

  /** A cgroup that {@link #containers} tell of; events are of the root's, if nobody says else. */
  static final long CGROUP = 5;

  private static final Catalogue CATALOGUE = Catalogue.load();
  private static final int PARTITIONS = CATALOGUE.topic(Topics.raw(PROBE)).partitions();

  final List<String> hosts;
  private final String bootId;
  private final String kernelId;
  private final RegistryClient registry;
  private final String bootstrapServers;
  private final KafkaProducer<byte[], byte[]> producer;
  private final Map<String, Integer> ids = new HashMap<>();
  private final AvroWriter<GenericRecord> events;
  private final Schema raw;
  private final Map<String, Long> sequences = new HashMap<>();
  private final Map<String, byte[]> newest = new HashMap<>();

  /** Creates topics and registers schemas, where they are not there yet. */
  Fleet(Components components, int hosts) throws Exception {
    this(components, hosts, "00aa11bb22cc");
  }

  /** Of hosts that run the kernel with this build id. */
  Fleet(Components components, int hosts, String kernelId) throws Exception {
    this(
        components,
        IntStream.range(0, hosts).mapToObj(i -> ofPartition(i % PARTITIONS)).toList(),
        UUID.randomUUID().toString(),
        kernelId);
  }

  /**
   * Hosts that may have been there before.
   *
   * @param kernelId build id of their kernel
   */
  Fleet(Components components, List<String> hosts, String bootId, String kernelId)
      throws Exception {
    this.hosts = hosts;
    this.bootId = bootId;
    this.kernelId = kernelId;
    this.bootstrapServers = components.bootstrapServers();
    this.registry =
        new RegistryClient(URI.create(components.registry().toString().replaceAll("/$", "")));
    createTopics();
    for (Topic topic : CATALOGUE.topics()) {
      ids.put(topic.name(), registry.register(topic.subject(), CATALOGUE.schema(topic)));
    }
    this.raw = CATALOGUE.schema(CATALOGUE.topic(Topics.raw(PROBE)));
    this.events = AvroWriter.generic(ids.get(Topics.raw(PROBE)), raw);
    this.producer =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers",
                bootstrapServers,
                "acks",
                "all",
                "linger.ms",
                20,
                "compression.type",
                "zstd"),
            new ByteArraySerializer(),
            new ByteArraySerializer());
  }

  private static String ofPartition(int partition) {
    return Stream.generate(() -> UUID.randomUUID().toString())
        .filter(host -> partition(host, PARTITIONS) == partition)
        .findFirst()
        .orElseThrow();
  }

  private static int partition(String host, int partitions) {
    return Utils.toPositive(Utils.murmur2(host.getBytes(StandardCharsets.UTF_8))) % partitions;
  }

  /** Those of the catalogue that are not there. */
  void createTopics() throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
      Set<String> there = admin.listTopics().names().get();
      admin
          .createTopics(
              CATALOGUE.topics().stream()
                  .filter(topic -> !there.contains(topic.name()))
                  .map(topic ->
                      new NewTopic(topic.name(), topic.partitions(), (short) 1)
                          .configs(topic.config()))
                  .toList())
          .all()
          .get();
    }
  }

  /** Goes on behind the events of these hosts that are in Kafka. */
  void goOn() {
    for (GenericRecord event : committed(Topics.raw(PROBE))) {
      sequences.merge(event.get("host_id").toString(), 1L, Long::sum);
    }
  }

  private void send(String topic, String key, byte[] value) {
    var _ = producer.send(new ProducerRecord<>(topic, key.getBytes(StandardCharsets.UTF_8), value));
  }

  void facts() {
    facts("name-of-");
  }

  /**
   * Facts as of now.
   *
   * @param name what the hosts' names begin with
   */
  void facts(String name) {
    facts(hosts, name);
  }

  /** The last host's first. */
  void factsBackwards() {
    facts(hosts.reversed(), "name-of-");
  }

  private void facts(List<String> hosts, String name) {
    AvroWriter<HostFacts> writer = AvroWriter.specific(ids.get(Topics.HOSTS), HostFacts.class);
    for (String host : hosts) {
      send(
          Topics.HOSTS,
          host,
          writer.write(
              HostFacts.newBuilder()
                  .setHostId(host)
                  .setBootId(bootId)
                  .setObservedAt(Instant.now())
                  .setHostName(name + host)
                  .setMachine("x86_64")
                  .setKernelRelease("6.18.0")
                  .setKernelBuildId(kernelId)
                  .setTextAddress(TEXT)
                  .setTextSize(0x100000L)
                  .setModules(List.of())
                  .setClockOffsetNs(0)
                  .setEnums(List.of())
                  .setAgentVersion("test")
                  .build()));
    }
    producer.flush();
  }

  /** What {@link #CGROUP} of each host is, as of now. */
  void containers(String name) {
    AvroWriter<Container> writer = AvroWriter.specific(ids.get(Topics.CONTAINERS), Container.class);
    for (String host : hosts) {
      String key = host + "/" + bootId + "/unified/" + CGROUP;
      byte[] value =
          writer.write(
              Container.newBuilder()
                  .setHostId(host)
                  .setBootId(bootId)
                  .setHierarchy("unified")
                  .setCgroupId(CGROUP)
                  .setControllers(List.of("unified", "memory", "cpu", "io"))
                  .setPath("/docker/0123456789ab")
                  .setObservedAt(Instant.now())
                  .setStartedAt(Instant.now())
                  .setContainerName(name)
                  .build());
      var _ =
          producer.send(
              new ProducerRecord<>(
                  Topics.CONTAINERS,
                  partition(host, Topics.CONTAINERS),
                  key.getBytes(StandardCharsets.UTF_8),
                  value));
    }
    producer.flush();
  }

  private int partition(String host, String topic) {
    return partition(host, producer.partitionsFor(topic).size());
  }

  void symbols() {
    List<Symbol> symbols = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      symbols.add(new Symbol((long) i * 0x100, "function_" + i));
    }
    send(
        Topics.SYMBOLS,
        kernelId + "/vmlinux/0",
        AvroWriter.specific(ids.get(Topics.SYMBOLS), SymbolChunk.class)
            .write(new SymbolChunk(kernelId, "vmlinux", 0, true, symbols, null)));
    producer.flush();
  }

  /** A rule set as somebody writes it who checks nothing. */
  void rules(RuleSet set) {
    send(
        Topics.RULES,
        set.getVersion() + "/" + UUID.randomUUID(),
        AvroWriter.specific(ids.get(Topics.RULES), RuleSet.class).write(set));
    producer.flush();
  }

  /** One event of each host. */
  void drops() {
    drops(event -> {});
  }

  void drops(Consumer<GenericRecord> change) {
    hosts.forEach(host -> {
      newest.put(host, event(host, change));
      send(Topics.raw(PROBE), host, newest.get(host));
    });
  }

  /** The newest event of each host once more. */
  void duplicates() {
    newest.forEach((host, event) -> send(Topics.raw(PROBE), host, event));
  }

  /** One event of each host, given up as one whose schema nobody knew yet. */
  void letters(String reason) {
    AvroWriter<DeadLetter> writer =
        AvroWriter.specific(ids.get(Topics.DEAD_LETTER), DeadLetter.class);
    for (String host : hosts) {
      byte[] key = host.getBytes(StandardCharsets.UTF_8);
      send(
          Topics.DEAD_LETTER,
          host,
          writer.write(
              DeadLetter.newBuilder()
                  .setStage("enrich")
                  .setReason(reason)
                  .setDetail("no schema has that id")
                  .setTopic(Topics.raw(PROBE))
                  .setPartition(partition(host, Topics.raw(PROBE)))
                  .setOffset(LETTERS + sequences.getOrDefault(host, 0L))
                  .setTimestamp(Instant.now())
                  .setKey(ByteBuffer.wrap(key))
                  .setValue(ByteBuffer.wrap(event(host, event -> {})))
                  .build()));
    }
    producer.flush();
  }

  /** The first half of an event. */
  void halfAnEvent() {
    byte[] whole = event(hosts.getFirst(), event -> {});
    send(Topics.raw(PROBE), hosts.getFirst(), Arrays.copyOf(whole, whole.length / 2));
    producer.flush();
  }

  private byte[] event(String host, Consumer<GenericRecord> change) {
    long sequence = sequences.merge(host, 1L, Long::sum);
    GenericRecord event = new GenericData.Record(raw);
    event.put("host_id", host);
    event.put("boot_id", bootId);
    event.put("epoch", EPOCH);
    event.put("cpu", 0);
    event.put("sequence", sequence);
    event.put("ktime_ns", sequence);
    event.put("time", Instant.now().getEpochSecond() * 1_000_000_000L);
    event.put("pid", 1);
    event.put("tid", 1);
    event.put("comm", "test");
    event.put("cgroup_id", 1L);
    event.put("ether_type", 0x0800);
    event.put("saddr", ByteBuffer.wrap(new byte[] {10, 0, 0, 1}));
    event.put("daddr", ByteBuffer.wrap(new byte[] {10, 0, 0, 2}));
    event.put("packet_length", 60L);
    event.put(
        "drop_source",
        new GenericData.EnumSymbol(raw.getField("drop_source").schema(), "SOFTWARE"));
    event.put("location", TEXT + 0x1010);
    List<Long> stack = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      stack.add(TEXT + 0x100L * i + 0x20);
    }
    event.put("kernel_stack", stack);
    change.accept(event);
    return events.write(event);
  }

  void flush() {
    producer.flush();
  }

  /** How many events each host has sent, where all have sent as many. */
  long sentByEach() {
    return sequences.get(hosts.getFirst());
  }

  /** What the agents would have counted by now: everything was acknowledged. */
  void counters() {
    AvroWriter<ProbeCounters> writer =
        AvroWriter.specific(ids.get(Topics.COUNTERS), ProbeCounters.class);
    for (String host : hosts) {
      long events = sequences.get(host);
      send(
          Topics.COUNTERS,
          host,
          writer.write(
              ProbeCounters.newBuilder()
                  .setHostId(host)
                  .setBootId(bootId)
                  .setEpoch(EPOCH)
                  .setProbe(PROBE)
                  .setTime(Instant.now())
                  .setState(ProbeState.ATTACHED)
                  .setAttempted(events)
                  .setRateLimited(0)
                  .setRingFull(0)
                  .setSubmitted(events)
                  .setMissed(0)
                  .setRead(events)
                  .setEncodeFailed(0)
                  .setAcked(events)
                  .setSpooled(0)
                  .setSpoolDropped(0)
                  .setInFlight(0)
                  .build()));
    }
    producer.flush();
  }

  /** Everything that is committed in a topic and of these hosts, as of now. */
  List<GenericRecord> committed(String topic) {
    return committed(topic, record -> true);
  }

  List<GenericRecord> committed(String topic, Predicate<GenericRecord> wanted) {
    try (Following following = follow(topic)) {
      return following.more().stream().filter(wanted).toList();
    }
  }

  /** What is committed under a key, as of now; null for a tombstone. */
  List<GenericRecord> values(String topic, String key) {
    AvroReader<GenericRecord> reader = AvroReader.generic(registry);
    List<GenericRecord> values = new ArrayList<>();
    try (Following following = follow(topic)) {
      following.read(record -> {
        if (key.equals(new String(record.key(), StandardCharsets.UTF_8))) {
          values.add(record.value() == null ? null : reader.read(record.value()));
        }
      });
    }
    return values;
  }

  /** From the topic's begin on. */
  Following follow(String topic) {
    return new Following(topic);
  }

  /** Reads on in a topic what is committed. For one thread. */
  final class Following implements AutoCloseable {
    private final AvroReader<GenericRecord> reader = AvroReader.generic(registry);
    private final Set<String> ours = Set.copyOf(hosts);
    private final List<TopicPartition> partitions;
    private final KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer());

    private Following(String topic) {
      this.partitions =
          consumer.partitionsFor(topic).stream()
              .map(p -> new TopicPartition(topic, p.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
    }

    /** What was not read yet and is of these hosts, as of now. */
    List<GenericRecord> more() {
      List<GenericRecord> found = new ArrayList<>();
      read(record -> {
        GenericRecord value = record.value() == null ? null : reader.read(record.value());
        if (value != null && ours.contains(value.get("host_id"))) {
          found.add(value);
        }
      });
      return found;
    }

    /** What was not read yet, as of now: of other tests' hosts there is much more. */
    private void read(Consumer<ConsumerRecord<byte[], byte[]>> to) {
      // The last stable offset: what lies behind it belongs to a transaction that is open.
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        consumer.poll(Duration.ofMillis(200)).forEach(to);
      }
    }

    @Override
    public void close() {
      consumer.close();
    }
  }

  @Override
  public void close() {
    producer.close(Duration.ofSeconds(5));
  }
}
