import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Measures the real agent, with its probe on this machine's kernel, and then a bare producer with the same JVM flags that
 * sends the very records that the agent sent. Drops are made by datagrams to a closed port on loopback, one event each.
 * Arguments: the agent's distribution, a work folder, the stack's port base, seconds of each measurement (20).
 */
final class AgentBench {
  private static final int RATE = 1_000;
  private static final int CLOSED_PORT = 9;
  private static final Duration SETTLE = Duration.ofSeconds(15);
  private static final String TOPIC = "bianque.raw.dropwatch";

  /** One process over one stretch of time. CPU in percent of one core, RSS in MB at its end. */
  private record Cost(double cpuPercent, double rssMb) {}

  private final Path dist;
  private final Path work;
  private final String broker;
  private final String registry;
  private final int httpPort;
  private final Duration measured;

  private AgentBench(Path dist, Path work, int base, Duration measured) {
    this.dist = dist.toAbsolutePath();
    this.work = work;
    this.broker = "127.0.0.1:" + (base + 2);
    this.registry = "http://127.0.0.1:" + (base + 1) + "/apis/ccompat/v7";
    this.httpPort = base + 7;
    this.measured = measured;
  }

  public static void main(String[] arguments) throws Exception {
    int seconds = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 20;
    new AgentBench(
            Path.of(arguments[0]),
            Path.of(arguments[1]),
            Integer.parseInt(arguments[2]),
            Duration.ofSeconds(seconds))
        .run();
  }

  private void run() throws Exception {
    Process agent = startAgent();
    Cost agentRest;
    Cost agentBusy;
    double rate;
    Map<String, Double> memory;
    try {
      awaitHealthy(agent);
      settle("the agent at rest");
      agentRest = measure(agent);
      try (Drops drops = new Drops()) {
        settle("the agent at " + RATE + " events/s");
        long before = acked();
        agentBusy = measure(agent);
        rate = (acked() - before) / (double) measured.toSeconds();
        memory = memory(agent);
      }
    } finally {
      stop(agent);
    }
    Path rateFile = work.resolve("rate");
    Files.writeString(rateFile, "0");
    Process bare = startBare(copyRecords(), rateFile);
    Cost bareRest;
    Cost bareBusy;
    try {
      settle("a bare producer at rest");
      bareRest = measure(bare);
      Files.writeString(rateFile, Integer.toString(RATE));
      settle("a bare producer at " + RATE + " records/s");
      bareBusy = measure(bare);
    } finally {
      Files.delete(rateFile);
      stop(bare);
    }
    print(agentRest, agentBusy, bareRest, bareBusy, rate, memory);
  }

  private Process startAgent() throws IOException {
    Path config = work.resolve("agent.yaml");
    Files.writeString(
        config,
        """
        probes:
          dropwatch:
            max_events_per_second: 0
            watch_tcp: false
            watch_icmp: false
            watch_other: false
        """);
    ProcessBuilder builder =
        new ProcessBuilder(
            dist.resolve("bin/bianque-agent").toString(), "--config", config.toString());
    builder
        .environment()
        .putAll(
            Map.of(
                "BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS", broker,
                "BIANQUE_AGENT_REGISTRY__URL", registry,
                "BIANQUE_AGENT_HTTP__PORT", Integer.toString(httpPort),
                "BIANQUE_AGENT_STATE_DIR", work.resolve("agent").toString()));
    return start(builder, "agent.log");
  }

  /** The agent's own command line, main class and arguments replaced, so that no flag can differ. */
  private Process startBare(Path records, Path rateFile) throws IOException {
    String launcher = Files.readString(dist.resolve("bin/bianque-agent"));
    Matcher flags = Pattern.compile("(?s)exec \"\\$java_home/bin/java\"(.*?)\\$\\{aot}").matcher(launcher);
    if (!flags.find()) {
      throw new IllegalStateException("no JVM flags found in bin/bianque-agent");
    }
    String jars;
    try (Stream<Path> files = Files.list(dist.resolve("lib"))) {
      jars = files.sorted().map(Path::toString).collect(Collectors.joining(":"));
    }
    List<String> line = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java"));
    line.addAll(List.of(flags.group(1).replace("\\\n", " ").strip().split("\\s+")));
    if (Files.exists(dist.resolve("agent.aot"))) {
      line.add("-XX:AOTCache=" + dist.resolve("agent.aot"));
    }
    line.addAll(List.of("-cp", jars + ":" + work.resolve("classes"), "BareProducer"));
    line.addAll(List.of(broker, TOPIC, records.toString(), rateFile.toString()));
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().put("MALLOC_ARENA_MAX", "1");
    return start(builder, "bare.log");
  }

  private Process start(ProcessBuilder builder, String log) throws IOException {
    return builder.redirectErrorStream(true).redirectOutput(work.resolve(log).toFile()).start();
  }

  private static void stop(Process process) throws InterruptedException {
    process.destroy();
    if (!process.waitFor(20, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }

  private void awaitHealthy(Process agent) throws Exception {
    for (int i = 0; i < 60; i++) {
      if (!agent.isAlive()) {
        throw new IllegalStateException("the agent ended: " + Files.readString(work.resolve("agent.log")));
      }
      try {
        if (get("/health").statusCode() == 200) {
          return;
        }
      } catch (IOException notYet) {
        // Asked again below.
      }
      LockSupport.parkNanos(500_000_000);
    }
    throw new IllegalStateException("the agent is not healthy: " + Files.readString(work.resolve("agent.log")));
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + httpPort + path)).build(),
          HttpResponse.BodyHandlers.ofString());
    }
  }

  private long acked() throws Exception {
    Matcher matcher =
        Pattern.compile("(?m)^bianque_probe_events_acked_total\\{[^}]*probe=\"dropwatch\"[^}]*} (\\d+)")
            .matcher(get("/metrics").body());
    long sum = 0;
    while (matcher.find()) {
      sum += Long.parseLong(matcher.group(1));
    }
    return sum;
  }

  private void settle(String what) {
    System.out.printf("measuring %s (%d s) …%n", what, SETTLE.plus(measured).toSeconds());
    LockSupport.parkNanos(SETTLE.toNanos());
  }

  private Cost measure(Process process) throws Exception {
    long ticks = cpuTicks(process);
    long begin = System.nanoTime();
    LockSupport.parkNanos(measured.toNanos());
    double seconds = (System.nanoTime() - begin) / 1e9;
    double used = (cpuTicks(process) - ticks) / 100.0;
    return new Cost(100 * used / seconds, memory(process).values().stream().mapToDouble(d -> d).sum());
  }

  /** utime + stime of /proc/PID/stat, in hundredths of a second. */
  private static long cpuTicks(Process process) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
  }

  /** Resident MB by what is mapped. */
  private static Map<String, Double> memory(Process process) throws IOException {
    Map<String, Double> byKind = new TreeMap<>();
    String kind = "";
    for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/smaps"))) {
      if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
        kind = kind(line);
      } else if (line.startsWith("Rss:")) {
        byKind.merge(kind, Integer.parseInt(line.replaceAll("\\D", "")) / 1024.0, Double::sum);
      }
    }
    return byKind;
  }

  private static String kind(String mapping) {
    String[] fields = mapping.split("\\s+", 6);
    String file = fields.length < 6 ? "" : fields[5];
    if (file.endsWith(".aot")) {
      return "AOT cache";
    } else if (file.contains("bpf") || file.startsWith("anon_inode")) {
      return "ring buffer";
    } else if (file.endsWith("/modules") || file.endsWith(".jar")) {
      return "class files";
    } else if (file.contains(".so")) {
      return "shared libraries";
    } else if (file.equals("[heap]")) {
      return "native heap";
    }
    return "Java heap, code, metaspace, stacks";
  }

  /** Values that the agent sent, for the bare producer to send again. */
  private Path copyRecords() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int count = 0;
    try (KafkaConsumer<byte[], byte[]> consumer =
            new KafkaConsumer<>(
                Map.of("bootstrap.servers", broker, "enable.auto.commit", false),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        DataOutputStream out = new DataOutputStream(bytes)) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(TOPIC).stream().map(p -> new TopicPartition(TOPIC, p.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      for (int polls = 0; polls < 20 && count < 2_000; polls++) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          out.writeInt(record.value().length);
          out.write(record.value());
          count++;
        }
      }
    }
    if (count == 0) {
      throw new IllegalStateException("the agent's topic " + TOPIC + " is empty");
    }
    System.out.printf("the agent's records have %d bytes on average%n", bytes.size() / count - Integer.BYTES);
    return Files.write(work.resolve("records"), bytes.toByteArray());
  }

  private void print(
      Cost agentRest, Cost agentBusy, Cost bareRest, Cost bareBusy, double rate, Map<String, Double> memory) {
    System.out.printf("%n%-28s %12s %12s %10s%n", "", "agent", "bare", "limit");
    System.out.printf("%-28s %10.2f %% %10.2f %% %8.1f %%%n", "CPU of one core, at rest", agentRest.cpuPercent(), bareRest.cpuPercent(), 0.5);
    System.out.printf("%-28s %10.2f %% %10.2f %% %8.1f %%%n", "CPU at " + RATE + " events/s", agentBusy.cpuPercent(), bareBusy.cpuPercent(), 2.0);
    System.out.printf("%-28s %9.1f MB %9.1f MB %7d MB%n", "RSS at rest", agentRest.rssMb(), bareRest.rssMb(), 80);
    System.out.printf("%-28s %9.1f MB %9.1f MB %7d MB%n", "RSS at " + RATE + " events/s", agentBusy.rssMb(), bareBusy.rssMb(), 80);
    System.out.printf("%-28s %8.0f /s%n%n", "acknowledged events", rate);
    System.out.println("where the agent's memory is, at " + RATE + " events/s:");
    memory.forEach((kind, mb) -> System.out.printf("  %-36s %7.1f MB%n", kind, mb));
    System.out.printf(
        Locale.ROOT,
        "{\"bench\":\"agent\",\"ratio\":%.3f,\"agent_cpu_percent\":%.2f,\"bare_cpu_percent\":%.2f,\"agent_rest_cpu_percent\":%.2f,"
            + "\"bare_rest_cpu_percent\":%.2f,\"agent_rss_mb\":%.1f,\"bare_rss_mb\":%.1f,\"events_per_second\":%.0f}%n",
        bareBusy.cpuPercent() / agentBusy.cpuPercent(),
        agentBusy.cpuPercent(),
        bareBusy.cpuPercent(),
        agentRest.cpuPercent(),
        bareRest.cpuPercent(),
        agentBusy.rssMb(),
        bareBusy.rssMb(),
        rate);
  }

  /** Datagrams to a port that nobody listens on: the kernel drops each with NO_SOCKET. */
  private static final class Drops implements AutoCloseable {
    private final DatagramChannel channel = DatagramChannel.open();
    private final Thread thread = new Thread(this::send, "drops");
    private volatile boolean closed;

    Drops() throws IOException {
      thread.start();
    }

    private void send() {
      InetSocketAddress target = new InetSocketAddress("127.0.0.1", CLOSED_PORT);
      ByteBuffer payload = ByteBuffer.allocate(64);
      long begin = System.nanoTime();
      for (long sent = 0; !closed; sent++) {
        long wait = begin + sent * 1_000_000_000L / RATE - System.nanoTime();
        if (wait > 0) {
          LockSupport.parkNanos(wait);
        }
        try {
          channel.send(payload.clear(), target);
        } catch (IOException refused) {
          // ICMP's answer to an earlier datagram; this one is sent all the same the next time.
          sent--;
        }
      }
    }

    @Override
    public void close() throws Exception {
      closed = true;
      thread.join();
      channel.close();
    }
  }
}
