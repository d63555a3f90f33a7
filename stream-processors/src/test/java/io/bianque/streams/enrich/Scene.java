package io.bianque.streams.enrich;

import io.bianque.facts.Container;
import io.bianque.facts.DeadLetter;
import io.bianque.facts.HostFacts;
import io.bianque.facts.KernelEnum;
import io.bianque.facts.KernelEnumMember;
import io.bianque.facts.LedgerRow;
import io.bianque.facts.Module;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.ProbeState;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.Retry;
import io.bianque.schemas.wire.WireFormat;
import io.bianque.streams.dns.NameSource;
import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.metrics.StreamMetrics;
import io.bianque.streams.names.IpAddress;
import io.bianque.streams.network.Networks;
import io.bianque.streams.part.Part;
import io.bianque.streams.part.Shared;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.run.TierTopology;
import io.bianque.streams.schema.FetchedSchemas;
import io.bianque.streams.symbol.SymbolTables;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.test.TestRecord;

/**
 * The topology with everything around it: one host whose kernel begins at {@link #TEXT} and has
 * init text at {@link #INIT_TEXT}, with one module, and what it sends.
 */
final class Scene implements AutoCloseable {
  static final long TEXT = 0xffffffff81000000L;
  static final long INIT_TEXT = TEXT + 0x80000;
  static final long MODULE = 0xffffffffc0400000L;
  static final String KERNEL_ID = "9f8e7d6c5b4a";
  static final String MODULE_ID = "0102030405";
  static final String HOST = "host-1";
  static final String BOOT = "b007-1";
  static final long EPOCH = 1_700_000_000_000_000_000L;
  static final String RAW = Topics.raw("dropwatch");
  static final long CGROUP = 42;

  final Registered registry = new Registered();
  final StreamMetrics metrics = new StreamMetrics();
  final Map<String, ReverseNames.Answer> dns = new HashMap<>();
  final TopologyTestDriver driver;
  final List<String> pauses = new ArrayList<>();
  private final Map<String, TestInputTopic<byte[], byte[]>> inputs = new HashMap<>();
  private final FetchedSchemas schemas;
  private long nextSequence = 1;
  private byte[] lastChunk;

  Scene(Path state) {
    this(state, EnrichSettings.defaults(), Rules.none());
  }

  Scene(Path state, EnrichSettings settings, Rules rules) {
    this(state, settings, () -> rules);
  }

  Scene(Path state, EnrichSettings settings, Supplier<Rules> rules) {
    this(state, settings, rules, Networks.none(), false);
  }

  /** With places for addresses; and names from what is recorded, or from {@link #dns}. */
  Scene(
      Path state,
      EnrichSettings settings,
      Supplier<Rules> rules,
      Networks networks,
      boolean recordedNames) {
    NameSource names = recordedNames ? new NameSource.Recorded() : new NameSource.Dns(this::lookup);
    this.schemas = new FetchedSchemas(registry, registry, Duration.ofSeconds(1));
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "scene");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
    properties.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
    this.driver =
        new TopologyTestDriver(
            TierTopology.build(
                EnumSet.allOf(Part.class),
                new Shared(schemas, registry::idOf, new SymbolTables(schemas, 16 << 20), metrics),
                () ->
                    new EnrichTopology.Needs(
                        settings, names, networks, rules, () -> pauses.add("paused"))),
            properties,
            Instant.ofEpochSecond(1_700_000_100));
  }

  private ReverseNames.Found lookup(IpAddress address) {
    Instant now = Instant.ofEpochSecond(1_700_000_100);
    ReverseNames.Answer answer =
        dns.getOrDefault(address.toString(), new ReverseNames.Answer.Nameless());
    return answer instanceof ReverseNames.Answer.Pending
        ? new ReverseNames.Found(answer, null, null)
        : new ReverseNames.Found(answer, now, now.plusSeconds(60));
  }

  private TestInputTopic<byte[], byte[]> input(String topic) {
    return inputs.computeIfAbsent(
        topic,
        t -> driver.createInputTopic(t, new ByteArraySerializer(), new ByteArraySerializer()));
  }

  void send(String topic, String key, byte[] value) {
    send(topic, key, value, Instant.ofEpochSecond(1_700_000_100));
  }

  /** With a time that a record may have and an Instant of the driver may not. */
  void send(String topic, String key, byte[] value, long timestampMs) {
    input(topic).pipeInput(key.getBytes(StandardCharsets.UTF_8), value, timestampMs);
  }

  private void send(String topic, String key, byte[] value, Instant time) {
    input(topic)
        .pipeInput(
            new TestRecord<>(
                key == null ? null : key.getBytes(StandardCharsets.UTF_8), value, time));
  }

  /** An event that was a dead letter, sent again. */
  void sendAgain(byte[] value, long firstOffset) {
    TestRecord<byte[], byte[]> record =
        new TestRecord<>(
            HOST.getBytes(StandardCharsets.UTF_8), value, Instant.ofEpochSecond(1_700_000_100));
    record
        .headers()
        .add(Retry.OFFSET_HEADER, Long.toString(firstOffset).getBytes(StandardCharsets.UTF_8));
    input(RAW).pipeInput(record);
  }

  /** Sends what was recorded, under the ids of this registry. */
  void play(List<Recording.Published> recorded) {
    recorded.forEach(published ->
        send(
            published.topic(),
            published.key(),
            WireFormat.frame(
                registry.idOf(published.topic(), published.schema()), published.bytes()),
            published.time()));
  }

  // --- what the host sends

  /**
   * A drop with its frames in kfree_skb, tcp_v4_rcv and a function of the module; fields of it may
   * be changed.
   */
  byte[] event(Consumer<GenericRecord> changes) {
    Schema schema = registry.schemaOf(RAW);
    GenericRecord event = new GenericData.Record(schema);
    event.put("host_id", HOST);
    event.put("boot_id", BOOT);
    event.put("epoch", EPOCH);
    event.put("cpu", 0);
    event.put("sequence", nextSequence++);
    event.put("ktime_ns", 5_000_000_000L);
    event.put("time", 1_700_000_100_000_000_000L);
    event.put("pid", 4711);
    event.put("tid", 4712);
    event.put("comm", "curl");
    event.put("cgroup_id", CGROUP);
    event.put("ether_type", 0x0800);
    event.put("ip_protocol", 6);
    event.put("saddr", ByteBuffer.wrap(new byte[] {10, 0, 0, 1}));
    event.put("daddr", ByteBuffer.wrap(new byte[] {10, 0, 0, 2}));
    event.put("sport", 40_000);
    event.put("dport", 81);
    event.put("tcp_flags", 0x12);
    event.put("sk_state", 8);
    event.put("packet_length", 60L);
    event.put("drop_reason", 3L);
    event.put(
        "drop_source",
        new GenericData.EnumSymbol(schema.getField("drop_source").schema(), "SOFTWARE"));
    event.put("location", TEXT + 0x1010);
    event.put("kernel_stack", List.of(TEXT + 0x1010, TEXT + 0x2040, MODULE + 0x120));
    changes.accept(event);
    return AvroWriter.generic(registry.idOf(RAW), schema).write(event);
  }

  void drop() {
    drop(event -> {});
  }

  /** A drop on another host. */
  void dropOf(String host, Consumer<GenericRecord> changes) {
    send(
        RAW,
        host,
        event(event -> {
          event.put("host_id", host);
          changes.accept(event);
        }));
  }

  void drop(Consumer<GenericRecord> changes) {
    send(RAW, HOST, event(changes));
  }

  void facts() {
    facts(facts -> {});
  }

  /** The same of another host. */
  void facts(Consumer<HostFacts> changes, String host) {
    HostFacts facts =
        hostFacts(each -> {
          each.setHostId(host);
          changes.accept(each);
        });
    container(container -> container.setHostId(host));
    send(Topics.HOSTS, host, record(facts));
  }

  /** The host's facts, and that its cgroup {@link #CGROUP} is none of a container. */
  void facts(Consumer<HostFacts> changes) {
    HostFacts facts = hostFacts(changes);
    container(container -> container.setBootId(facts.getBootId()));
    send(Topics.HOSTS, facts.getHostId(), record(facts));
  }

  /** A cgroup of the host, as its agent tells of it. */
  void container(Consumer<Container> changes) {
    Container container = hostsContainer(changes);
    String key =
        String.join(
            "/",
            container.getHostId(),
            container.getBootId(),
            container.getHierarchy(),
            Long.toString(container.getCgroupId()));
    send(Topics.CONTAINERS, key, record(container));
  }

  byte[] containerRecord(Consumer<Container> changes) {
    return record(hostsContainer(changes));
  }

  private byte[] record(Container container) {
    return AvroWriter.specific(registry.idOf(Topics.CONTAINERS), Container.class).write(container);
  }

  private static Container hostsContainer(Consumer<Container> changes) {
    Container container =
        Container.newBuilder()
            .setHostId(HOST)
            .setBootId(BOOT)
            .setHierarchy("unified")
            .setCgroupId(CGROUP)
            .setControllers(List.of("unified", "cpu", "io", "memory"))
            .setPath("/system.slice/nginx.service")
            .setObservedAt(Instant.ofEpochSecond(1_700_000_000))
            .setStartedAt(Instant.ofEpochSecond(1_699_999_000))
            .setSystemdUnit("nginx.service")
            .setSystemdSlice("system.slice")
            .build();
    changes.accept(container);
    return container;
  }

  byte[] factsRecord(Consumer<HostFacts> changes) {
    return record(hostFacts(changes));
  }

  private byte[] record(HostFacts facts) {
    return AvroWriter.specific(registry.idOf(Topics.HOSTS), HostFacts.class).write(facts);
  }

  private static HostFacts hostFacts(Consumer<HostFacts> changes) {
    HostFacts facts =
        HostFacts.newBuilder()
            .setHostId(HOST)
            .setBootId(BOOT)
            .setObservedAt(Instant.ofEpochSecond(1_700_000_000))
            .setHostName("web-1")
            .setMachine("x86_64")
            .setKernelRelease("6.18.0")
            .setKernelBuildId(KERNEL_ID)
            .setTextAddress(TEXT)
            .setTextSize(0x10000L)
            .setInitTextAddress(INIT_TEXT)
            .setInitTextSize(0x1000L)
            .setModules(List.of(new Module("veth", MODULE_ID, MODULE, 0x1000L)))
            .setClockOffsetNs(0)
            .setEnums(
                List.of(
                    new KernelEnum(
                        "skb_drop_reason",
                        List.of(
                            new KernelEnumMember(2L, "SKB_DROP_REASON_NOT_SPECIFIED"),
                            new KernelEnumMember(3L, "SKB_DROP_REASON_NO_SOCKET")))))
            .setAgentVersion("test")
            .build();
    changes.accept(facts);
    return facts;
  }

  void kernelSymbols() {
    chunk(KERNEL_ID, "vmlinux", 1, true, Map.of(0x2000L, "tcp_v4_rcv", 0x3000L, "ip_rcv"));
    chunk(KERNEL_ID, "vmlinux", 0, false, Map.of(0x1000L, "kfree_skb", 0x0L, "_text"));
  }

  void initSymbols() {
    chunk(
        KERNEL_ID,
        "vmlinux.init",
        0,
        true,
        Map.of(0x80000L, "_sinittext", 0x80100L, "start_kernel", 0x80f00L, "x86_64_start_kernel"));
  }

  void moduleSymbols() {
    chunk(MODULE_ID, "veth", 0, true, Map.of(0x100L, "veth_xmit", 0x200L, "veth_open"));
  }

  void chunk(String buildId, String object, int number, boolean last, Map<Long, String> symbols) {
    chunk(buildId, object, number, last, symbols, null);
  }

  /** The table of a file of user space. */
  void userSymbols(String buildId, String file, Map<Long, String> symbols) {
    chunk(buildId, "user", 0, true, symbols, file);
  }

  private void chunk(
      String buildId,
      String object,
      int number,
      boolean last,
      Map<Long, String> symbols,
      String file) {
    SymbolChunk chunk =
        new SymbolChunk(
            buildId,
            object,
            number,
            last,
            symbols.entrySet().stream().map(s -> new Symbol(s.getKey(), s.getValue())).toList(),
            file);
    lastChunk = AvroWriter.specific(registry.idOf(Topics.SYMBOLS), SymbolChunk.class).write(chunk);
    send(Topics.SYMBOLS, buildId + "/" + object + "/" + number, lastChunk);
  }

  /** As it was sent. */
  byte[] lastChunk() {
    return lastChunk;
  }

  void counters(Consumer<ProbeCounters> changes) {
    ProbeCounters counters =
        ProbeCounters.newBuilder()
            .setHostId(HOST)
            .setBootId(BOOT)
            .setEpoch(EPOCH)
            .setProbe("dropwatch")
            .setTime(Instant.ofEpochSecond(1_700_000_100))
            .setState(ProbeState.ATTACHED)
            .setAttempted(0)
            .setRateLimited(0)
            .setRingFull(0)
            .setSubmitted(0)
            .setMissed(0)
            .setRead(0)
            .setEncodeFailed(0)
            .setAcked(0)
            .setSpooled(0)
            .setSpoolDropped(0)
            .setInFlight(0)
            .build();
    changes.accept(counters);
    send(
        Topics.COUNTERS,
        HOST,
        AvroWriter.specific(registry.idOf(Topics.COUNTERS), ProbeCounters.class).write(counters));
  }

  <K, V> KeyValueStore<K, V> store(String name) {
    return driver.getKeyValueStore(name);
  }

  void pass(Duration time) {
    driver.advanceWallClockTime(time);
  }

  // --- what comes out

  List<TestRecord<byte[], byte[]>> records(String topic) {
    // A topic that nothing has been sent to is unknown to the driver.
    return driver.producedTopicNames().contains(topic)
        ? driver
            .createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer())
            .readRecordsToList()
        : List.of();
  }

  List<GenericRecord> enriched() {
    return read(Topics.enriched("dropwatch"));
  }

  List<GenericRecord> read(String topic) {
    AvroReader<GenericRecord> reader = AvroReader.generic(registry);
    return records(topic).stream().map(record -> reader.read(record.value())).toList();
  }

  List<DeadLetter> deadLetters() {
    AvroReader<DeadLetter> reader = AvroReader.specific(registry, DeadLetter.class);
    return records(Topics.DEAD_LETTER).stream().map(record -> reader.read(record.value())).toList();
  }

  List<LedgerRow> ledger() {
    AvroReader<LedgerRow> reader = AvroReader.specific(registry, LedgerRow.class);
    return records(Topics.LEDGER).stream().map(record -> reader.read(record.value())).toList();
  }

  List<String> waitsFor() {
    return schemas.waitsFor();
  }

  @Override
  public void close() {
    driver.close();
  }
}
