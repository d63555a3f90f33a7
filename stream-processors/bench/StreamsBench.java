package io.bianque.streams.run;

import io.bianque.facts.Container;
import io.bianque.facts.HostFacts;
import io.bianque.facts.KernelEnum;
import io.bianque.facts.KernelEnumMember;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.EncodedTexts;
import io.bianque.schemas.wire.WireFormat;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;

/**
 * Lets the stream tier enrich what is in the raw topic, in variants, and a topology copy it, one process after the
 * other, each from the beginning. Arguments: the stack's port base, a work folder, events, flags of the JVM.
 *
 * <p>Measured are the events that were committed while the process went from half of them to all, and the CPU time that
 * it took: what it does once, and most of what the compiler has to do, is over then. The compiler is busy for some twenty
 * seconds; where it is not done, the copy, which takes least, looks dearer by a third from one run to the next.
 */
final class StreamsBench {
  private static final double GOAL = 0.5;

  /** Of the rate with servers that answer. */
  private static final double SILENCE_GOAL = 0.05;

  /** Of a CPU, for each instance where two are compared with one: on few CPUs they would compete with the broker. */
  private static final double SHARE = 0.4;

  /** All variants one after the other, so many times: what else the machine does changes meanwhile. */
  private static final int ROUNDS = 3;

  /** Records by which reading and writing alone are measured. */
  private static final int SAMPLE = 20_000;
  private static final String RAW = Topics.raw("dropwatch");
  private static final String TO = "bench.copy";
  private static final List<String> ENRICH = List.of("io.bianque.streams.BianqueStreams");
  private static final List<String> COPY = List.of(CopyTopology.class.getName(), RAW, TO);

  /** Copies, and writes what enriched events take instead. */
  private static final List<String> WRITE =
      List.of(CopyTopology.class.getName(), RAW, TO, Topics.enriched("dropwatch"));

  private static final int HOSTS = 64;
  private static final int PARTITIONS = 4;
  private static final int FUNCTIONS = 50_000;
  private static final int STACKS = 2_000;
  private static final int ADDRESSES = 500;
  private static final long TEXT = 0xffffffff81000000L;
  private static final long FUNCTION_BYTES = 0x100;
  private static final String BUILD = "00aa11bb22cc";
  private static final String BOOT = "b0070000-0000-4000-8000-000000000000";
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final Path LIB = Path.of("stream-processors/target/dist/lib");

  private final String bootstrap;
  private final URI registryUrl;
  private final Path work;
  private final int events;
  private final List<String> flags;
  private final Random random = new Random(7);
  private final Catalogue catalogue = Catalogue.load();
  private final List<Process> running = new ArrayList<>();

  /** What is measured, and the program's environment and arguments. */
  private record Variant(String name, Map<String, String> environment, List<String> program) {}

  /** One process, or a few, from half of the events to all. */
  private record Run(String name, double perSecond, double perCore) {}

  private StreamsBench(int base, Path work, int events, List<String> flags) {
    this.bootstrap = "127.0.0.1:" + (base + 2);
    this.registryUrl = URI.create("http://127.0.0.1:" + (base + 1) + "/apis/ccompat/v7");
    this.work = work;
    this.events = events;
    this.flags = flags;
  }

  public static void main(String[] arguments) throws Exception {
    StreamsBench bench =
        new StreamsBench(
            Integer.parseInt(arguments[0]),
            Path.of(arguments[1]),
            Integer.parseInt(arguments[2]),
            List.of(arguments[3].trim().split(" +")));
    Runtime.getRuntime().addShutdownHook(new Thread(bench::end));
    bench.run();
  }

  private void end() {
    synchronized (running) {
      running.forEach(Process::destroyForcibly);
    }
  }

  private void run() throws Exception {
    say("writing %,d events of %d hosts", events, HOSTS);
    fill();
    try (Dns dns = new Dns();
        DatagramSocket silent = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      admin.createTopics(List.of(new NewTopic(TO, PARTITIONS, (short) 1))).all().get();
      Map<String, String> all = new HashMap<>();
      all.put("BIANQUE_STREAMS_RULES", Path.of("stream-processors/bench/rules.yaml").toAbsolutePath().toString());
      all.put("BIANQUE_STREAMS_DNS_SERVERS", "127.0.0.1:" + dns.port());
      Path none = Files.writeString(work.resolve("none.yaml"), "rules: []\n");
      Map<String, String> noRules = new HashMap<>(all);
      noRules.put("BIANQUE_STREAMS_RULES", none.toString());
      Map<String, String> noAnswers = new HashMap<>(noRules);
      noAnswers.put("BIANQUE_STREAMS_DNS_SERVERS", "127.0.0.1:" + silent.getLocalPort());
      Map<String, String> bare = new HashMap<>(noRules);
      bare.put("BIANQUE_STREAMS_NAMES_FROM", "none");

      List<Variant> variants =
          List.of(
              new Variant("copied", all, COPY),
              new Variant("enriched: symbols, names, 50 rules", all, ENRICH),
              new Variant("copied, with the bytes of enriched events", all, WRITE),
              new Variant("  without rules", noRules, ENRICH),
              new Variant("  without rules, no DNS server answers", noAnswers, ENRICH),
              new Variant("  without rules and names", bare, ENRICH));
      List<List<Run>> rounds = new ArrayList<>();
      for (int round = 0; round < ROUNDS; round++) {
        rounds.add(new ArrayList<>());
        for (Variant each : variants) {
          rounds.getLast().add(measure(admin, each, 1, List.of()));
        }
      }
      System.out.printf(
          "%n%-44s %12s %20s %14s%n", "Medians of " + ROUNDS, "events/s", "events/s and core", "µs of CPU");
      List<Run> medians = new ArrayList<>();
      for (int i = 0; i < variants.size(); i++) {
        int number = i;
        Run each = median(rounds.stream().map(round -> round.get(number)).toList());
        medians.add(each);
        System.out.printf(
            "%-44s %,12.0f %,20.0f %14.1f%n", each.name(), each.perSecond(), each.perCore(), 1e6 / each.perCore());
      }
      Run copy = medians.get(0);
      Run whole = medians.get(1);
      Run written = medians.get(2);
      Run withoutRules = medians.get(3);
      Run unanswered = medians.get(4);
      Run withoutNames = medians.get(5);
      double ratio = whole.perCore() / copy.perCore();
      System.out.printf(
          "%nOf the copy's rate a core %.2f; the goal is %.1f; of one that writes as many bytes %.2f%n",
          ratio, GOAL, whole.perCore() / written.perCore());
      double silence = 1 - unanswered.perCore() / withoutRules.perCore();
      System.out.printf(
          "DNS servers that do not answer cost %.1f %% of the rate a core where they do, %.1f %% of that without names;"
              + " the goal is below %.0f %%%n",
          100 * silence, 100 * (1 - unanswered.perCore() / withoutNames.perCore()), 100 * SILENCE_GOAL);
      String encodings = encodings();
      String slope = slope(admin, all);
      System.out.printf(
          Locale.ROOT,
          "{\"bench\":\"streams\",\"ratio\":%.3f,\"of_copy\":%.3f,\"goal\":%.1f,\"copy_per_core\":%.0f,\"written_per_core\":%.0f,\"enriched_per_core\":%.0f,"
              + "\"without_rules_per_core\":%.0f,\"no_dns_answers_per_core\":%.0f,\"without_names_per_core\":%.0f,"
              + "\"no_dns_answers_cost\":%.3f%s%s}%n",
          ratio / GOAL,
          ratio,
          GOAL,
          copy.perCore(),
          written.perCore(),
          whole.perCore(),
          withoutRules.perCore(),
          unanswered.perCore(),
          withoutNames.perCore(),
          silence,
          encodings,
          slope);
    }
  }

  /** Two instances beside one, each with the same share of a CPU. */
  private String slope(Admin admin, Map<String, String> environment) throws Exception {
    Optional<CpuShare> first = CpuShare.of("bianque-bench-1", SHARE);
    if (first.isEmpty()) {
      System.out.println("Two instances are not compared with one: this user may not make cgroups with a share of a CPU.");
      return "";
    }
    try (CpuShare one = first.get();
        CpuShare two = CpuShare.of("bianque-bench-2", SHARE).orElseThrow()) {
      Run alone = measure(admin, new Variant("one instance, %.1f of a CPU".formatted(SHARE), environment, ENRICH), 1, List.of(one));
      Run both = measure(admin, new Variant("two instances, %.1f each".formatted(SHARE), environment, ENRICH), 2, List.of(one, two));
      double times = both.perSecond() / alone.perSecond();
      System.out.printf(
          "With %.1f of a CPU each, one instance enriches %,.0f events/s and two %,.0f: %.2f times as many%n",
          SHARE, alone.perSecond(), both.perSecond(), times);
      return String.format(
          Locale.ROOT, ",\"one_instance_per_s\":%.0f,\"two_instances_per_s\":%.0f", alone.perSecond(), both.perSecond());
    }
  }

  // ---- reading and writing alone

  /** What is chosen, generic records and a writer of our own, beside Avro's writer. */
  private String encodings() throws Exception {
    RegistryClient registry = new RegistryClient(registryUrl);
    AvroReader<GenericRecord> reader = AvroReader.generic(registry::schema);
    List<byte[]> raw = sample(RAW);
    double found = nanos(raw, AvroReader.lazy(registry::schema)::read);
    double read = nanos(raw, reader::read);

    List<byte[]> records = sample(Topics.enriched("dropwatch"));
    int id = WireFormat.schemaId(records.getFirst());
    Schema schema = registry.schema(id);
    // As in the stream tier, where the frames of one stack are one object.
    Map<List<?>, EncodedTexts> stacks = new HashMap<>();
    List<GenericRecord> events = new ArrayList<>();
    for (byte[] record : records) {
      GenericRecord event = reader.read(record);
      List<?> frames = (List<?>) event.get("kernel_stack");
      event.put(
          "kernel_stack",
          stacks.computeIfAbsent(frames, f -> new EncodedTexts(f.stream().map(Object::toString).toList())));
      events.add(event);
    }
    double written = nanos(events, AvroWriter.generic(id, schema)::write);
    GenericDatumWriter<GenericRecord> avro = new GenericDatumWriter<>(schema);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
    double byAvro =
        nanos(
            events,
            event -> {
              try {
                bytes.reset();
                avro.write(event, encoder);
                encoder.flush();
                return bytes.toByteArray();
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    System.out.printf(
        "Of an event, finding its fields takes %.2f µs, reading all %.2f, writing all %.2f; Avro's own writer takes %.2f%n",
        found / 1e3, read / 1e3, written / 1e3, byAvro / 1e3);
    return String.format(
        Locale.ROOT,
        ",\"find_ns\":%.0f,\"read_ns\":%.0f,\"write_ns\":%.0f,\"avro_write_ns\":%.0f",
        found,
        read,
        written,
        byAvro);
  }

  private List<byte[]> sample(String topic) {
    return CopyTopology.sample(bootstrap, topic, Math.min(SAMPLE, events / PARTITIONS / 2));
  }

  /** Of one, in the best of some rounds over all. */
  private static <T> double nanos(List<T> all, Function<T, ?> work) {
    double best = Double.MAX_VALUE;
    int made = 0;
    for (int round = 0; round < 20; round++) {
      long begin = System.nanoTime();
      for (T each : all) {
        made += work.apply(each) == null ? 0 : 1;
      }
      best = Math.min(best, (double) (System.nanoTime() - begin) / all.size());
    }
    if (made == 0) {
      throw new IllegalStateException("nothing was made");
    }
    return best;
  }

  // ---- what there is to enrich

  private void fill() throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", bootstrap, "linger.ms", 50, "compression.type", "zstd", "batch.size", 1 << 17),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      symbols(producer);
      for (int host = 0; host < HOSTS; host++) {
        facts(producer, host);
      }
      List<List<Long>> stacks = new ArrayList<>();
      for (int i = 0; i < STACKS; i++) {
        stacks.add(stack());
      }
      Schema raw = catalogue.schema(catalogue.topic(RAW));
      AvroWriter<GenericRecord> writer = AvroWriter.generic(id(RAW), raw);
      for (int i = 0; i < events; i++) {
        int host = i % HOSTS;
        send(producer, RAW, host(host), writer.write(event(raw, host, i / HOSTS + 1, stacks)));
      }
    }
  }

  private int id(String topic) {
    return new RegistryClient(registryUrl).register(Topics.subject(topic), catalogue.schema(catalogue.topic(topic)));
  }

  private static String host(int number) {
    return "host-%08d".formatted(number);
  }

  private static void send(KafkaProducer<byte[], byte[]> producer, String topic, String key, byte[] value) {
    var _ = producer.send(new ProducerRecord<>(topic, key.getBytes(StandardCharsets.UTF_8), value));
  }

  private void symbols(KafkaProducer<byte[], byte[]> producer) {
    AvroWriter<SymbolChunk> writer = AvroWriter.specific(id(Topics.SYMBOLS), SymbolChunk.class);
    List<Symbol> symbols = new ArrayList<>();
    int chunk = 0;
    for (int i = 0; i < FUNCTIONS; i++) {
      symbols.add(new Symbol(i * FUNCTION_BYTES, "some_kernel_function_" + i));
      boolean last = i == FUNCTIONS - 1;
      if (symbols.size() == 4096 || last) {
        String key = BUILD + "/vmlinux/" + chunk;
        send(producer, Topics.SYMBOLS, key, writer.write(new SymbolChunk(BUILD, "vmlinux", chunk, last, symbols, null)));
        symbols = new ArrayList<>();
        chunk++;
      }
    }
  }

  private void facts(KafkaProducer<byte[], byte[]> producer, int host) {
    HostFacts facts =
        HostFacts.newBuilder()
            .setHostId(host(host))
            .setBootId(BOOT)
            .setObservedAt(Instant.now())
            .setHostName("node-" + host)
            .setMachine("x86_64")
            .setKernelRelease("6.18.0")
            .setKernelBuildId(BUILD)
            .setTextAddress(text(host))
            .setTextSize(FUNCTIONS * FUNCTION_BYTES)
            .setModules(List.of())
            .setClockOffsetNs(0)
            .setEnums(
                List.of(
                    new KernelEnum(
                        "skb_drop_reason",
                        List.of(
                            new KernelEnumMember(2L, "SKB_DROP_REASON_NOT_SPECIFIED"),
                            new KernelEnumMember(3L, "SKB_DROP_REASON_NO_SOCKET"),
                            new KernelEnumMember(9L, "SKB_DROP_REASON_NETFILTER_DROP")))))
            .setAgentVersion("bench")
            .build();
    send(producer, Topics.HOSTS, host(host), AvroWriter.specific(id(Topics.HOSTS), HostFacts.class).write(facts));
    Container container =
        Container.newBuilder()
            .setHostId(host(host))
            .setBootId(BOOT)
            .setHierarchy("unified")
            .setCgroupId(42)
            .setControllers(List.of("unified", "cpu", "io", "memory"))
            .setPath("/system.slice/docker-0123456789ab.scope")
            .setObservedAt(Instant.ofEpochSecond(1))
            .setStartedAt(Instant.ofEpochSecond(1))
            .setContainerId("0123456789ab")
            .setContainerName("shop")
            .build();
    byte[] byHost = host(host).getBytes(StandardCharsets.UTF_8);
    // Beside the host's events, as an agent sends it.
    var _ =
        producer.send(
            new ProducerRecord<>(
                Topics.CONTAINERS,
                Utils.toPositive(Utils.murmur2(byHost)) % PARTITIONS,
                String.join("/", host(host), BOOT, "unified", "42").getBytes(StandardCharsets.UTF_8),
                AvroWriter.specific(id(Topics.CONTAINERS), Container.class).write(container)));
  }

  /** Each boot has its own. */
  private static long text(int host) {
    return TEXT + ((long) host << 24);
  }

  private List<Long> stack() {
    List<Long> offsets = new ArrayList<>();
    for (int depth = 8 + random.nextInt(23); depth > 0; depth--) {
      offsets.add(random.nextInt(FUNCTIONS) * FUNCTION_BYTES + 1 + random.nextInt(200));
    }
    return offsets;
  }

  private GenericRecord event(Schema raw, int host, long sequence, List<List<Long>> stacks) {
    // Few stacks make up most of what comes: the square bends the draw to the first ones.
    double draw = random.nextDouble();
    List<Long> stack = stacks.get((int) (draw * draw * draw * STACKS));
    GenericRecord event = new GenericData.Record(raw);
    event.put("host_id", host(host));
    event.put("boot_id", BOOT);
    event.put("epoch", 1L);
    event.put("cpu", 0);
    event.put("sequence", sequence);
    event.put("ktime_ns", sequence);
    event.put("time", 1_000_000L * System.currentTimeMillis());
    event.put("pid", 4711);
    event.put("tid", 4712);
    event.put("comm", "nginx");
    event.put("cgroup_id", 42L);
    event.put("ether_type", 0x0800);
    event.put("ip_protocol", 6);
    event.put("saddr", address());
    event.put("daddr", address());
    event.put("sport", 1024 + random.nextInt(60_000));
    event.put("dport", random.nextInt(10_000));
    event.put("tcp_flags", 0x10);
    event.put("sk_state", 1 + random.nextInt(11));
    event.put("packet_length", 60L + random.nextInt(1400));
    event.put("drop_reason", List.of(2L, 3L, 9L).get(random.nextInt(3)));
    event.put("drop_source", new GenericData.EnumSymbol(raw.getField("drop_source").schema(), "SOFTWARE"));
    long text = text(host);
    event.put("location", text + stack.getFirst());
    event.put("kernel_stack", stack.stream().map(offset -> text + offset).toList());
    return event;
  }

  private ByteBuffer address() {
    int number = random.nextInt(ADDRESSES);
    return ByteBuffer.wrap(new byte[] {10, 1, (byte) (number >> 8), (byte) number});
  }

  // ---- measuring

  private static Run median(List<Run> runs) {
    double perSecond = runs.stream().mapToDouble(Run::perSecond).sorted().skip(runs.size() / 2).findFirst().orElseThrow();
    double perCore = runs.stream().mapToDouble(Run::perCore).sorted().skip(runs.size() / 2).findFirst().orElseThrow();
    return new Run(runs.getFirst().name(), perSecond, perCore);
  }

  private Run measure(Admin admin, Variant variant, int instances, List<CpuShare> shares) throws Exception {
    String name = variant.name();
    String application = "bench-" + Long.toHexString(System.nanoTime());
    say("%s, until all are committed", name.strip());
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < instances; i++) {
      List<String> enter = shares.isEmpty() ? List.of() : shares.get(i).enter();
      processes.add(start(enter, application, i, variant));
    }
    synchronized (running) {
      running.addAll(processes);
    }
    try {
      Progress begin = null;
      long deadline = System.nanoTime() + LIMIT.toNanos();
      while (true) {
        long done = committed(admin, application);
        Progress now = new Progress(done, System.nanoTime(), cpuNanos(processes));
        if (begin == null && done >= events / 2) {
          begin = now;
        }
        if (done >= events && begin.done() == done) {
          throw new IllegalStateException(
              "%s: all %,d events were there at the first look; --events has to say more".formatted(name, events));
        }
        if (done >= events) {
          double perSecond = (done - begin.done()) * 1e9 / (now.nanos() - begin.nanos());
          return new Run(name, perSecond, (done - begin.done()) * 1e9 / (now.cpuNanos() - begin.cpuNanos()));
        }
        if (processes.stream().anyMatch(process -> !process.isAlive()) || System.nanoTime() > deadline) {
          throw new IllegalStateException(
              "%s: %,d of %,d events; see %s".formatted(name, done, events, work.resolve(application + "-0.log")));
        }
        LockSupport.parkNanos(50_000_000);
      }
    } finally {
      for (Process process : processes) {
        process.destroy();
        process.waitFor();
      }
      synchronized (running) {
        running.removeAll(processes);
      }
    }
  }

  private record Progress(long done, long nanos, long cpuNanos) {}

  private Process start(
      List<String> enter, String application, int instance, Variant variant)
      throws IOException {
    List<String> command = new ArrayList<>(enter);
    command.add(System.getProperty("java.home") + "/bin/java");
    command.addAll(flags);
    command.addAll(List.of("-cp", work.resolve("classes") + ":" + LIB + "/*"));
    command.addAll(variant.program());
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("MALLOC_ARENA_MAX", "2");
    builder.environment().putAll(variant.environment());
    builder
        .environment()
        .putAll(
            Map.of(
                "BIANQUE_STREAMS_BOOTSTRAP_SERVERS", bootstrap,
                "BIANQUE_STREAMS_REGISTRY_URL", registryUrl.toString(),
                "BIANQUE_STREAMS_APPLICATION_ID", application,
                "BIANQUE_STREAMS_STATE_DIR", work.resolve(application + "-" + instance).toString(),
                "BIANQUE_STREAMS_HTTP_PORT", "0"));
    return builder
        .redirectErrorStream(true)
        .redirectOutput(work.resolve(application + "-" + instance + ".log").toFile())
        .redirectInput(new File("/dev/null"))
        .start();
  }

  private static long committed(Admin admin, String application) throws Exception {
    Map<TopicPartition, OffsetAndMetadata> offsets =
        admin.listConsumerGroupOffsets(application).partitionsToOffsetAndMetadata().get();
    Map<TopicPartition, OffsetSpec> begins = new HashMap<>();
    offsets.forEach((partition, offset) -> {
      if (offset != null && partition.topic().equals(RAW)) {
        begins.put(partition, OffsetSpec.earliest());
      }
    });
    Map<TopicPartition, ListOffsetsResultInfo> first = admin.listOffsets(begins).all().get();
    return begins.keySet().stream()
        .mapToLong(partition -> offsets.get(partition).offset() - first.get(partition).offset())
        .sum();
  }

  private static long cpuNanos(List<Process> processes) {
    return processes.stream()
        .mapToLong(process -> process.info().totalCpuDuration().map(Duration::toNanos).orElse(0L))
        .sum();
  }

  private static void say(String format, Object... values) {
    System.out.println(format.formatted(values) + " …");
  }

  /** Has a name for every address. */
  private static final class Dns implements AutoCloseable {
    private final DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress());

    Dns() throws IOException {
      Thread.ofPlatform().daemon().name("dns").start(this::serve);
    }

    int port() {
      return socket.getLocalPort();
    }

    private void serve() {
      try {
        while (true) {
          DatagramPacket question = new DatagramPacket(new byte[512], 512);
          socket.receive(question);
          byte[] answer = answer(question.getData(), question.getLength());
          socket.send(new DatagramPacket(answer, answer.length, question.getSocketAddress()));
        }
      } catch (IOException closed) {
        // The end.
      }
    }

    /** The question and one PTR record (RFC 1035, 4.1): "node.bench", for an hour. */
    private static byte[] answer(byte[] question, int length) {
      int end = 12;
      while (question[end] != 0) {
        end += question[end] + 1;
      }
      end += 5;
      if (end > length) {
        throw new IllegalArgumentException("a question of " + length + " bytes is cut");
      }
      byte[] name = "\4node\5bench\0".getBytes(StandardCharsets.US_ASCII);
      ByteBuffer out = ByteBuffer.allocate(end + 12 + name.length);
      out.put(question, 0, end);
      out.putShort(2, (short) 0x8180).putShort(4, (short) 1).putShort(6, (short) 1).putInt(8, 0);
      out.putShort((short) 0xc00c).putShort((short) 12).putShort((short) 1).putInt(3600);
      out.putShort((short) name.length).put(name);
      return out.array();
    }

    @Override
    public void close() {
      socket.close();
    }
  }
}
