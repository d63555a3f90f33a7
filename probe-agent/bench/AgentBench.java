import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
  private static final Duration SETTLE = Duration.ofSeconds(15);
  private static final String TOPIC = "bianque.raw.dropwatch";

  /** Every drop of the load is to be an event, and nothing else. */
  private static final String CONFIG =
      """
      probes:
        dropwatch:
          max_events_per_second: 0
          watch_tcp: false
          watch_icmp: false
          watch_other: false
      """;

  private final Path dist;
  private final Path work;
  private final String broker;
  private final int base;
  private final Duration measured;

  private AgentBench(Path dist, Path work, int base, Duration measured) {
    this.dist = dist.toAbsolutePath();
    this.work = work;
    this.broker = "127.0.0.1:" + (base + 2);
    this.base = base;
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
    AgentUnderBench.Cost agentRest;
    AgentUnderBench.Cost agentBusy;
    double rate;
    Map<String, Double> memory;
    try (AgentUnderBench agent = new AgentUnderBench(dist, work, base, CONFIG)) {
      settle("the agent at rest");
      agentRest = AgentUnderBench.measure(agent.process(), measured);
      try (Drops drops = new Drops(RATE)) {
        settle("the agent at " + RATE + " events/s");
        long before = agent.events().arrived();
        agentBusy = AgentUnderBench.measure(agent.process(), measured);
        rate = (agent.events().arrived() - before) / (double) measured.toSeconds();
        memory = agentBusy.memory();
      }
    }
    Path rateFile = work.resolve("rate");
    Files.writeString(rateFile, "0");
    Process bare = startBare(copyRecords(), rateFile);
    AgentUnderBench.Cost bareRest;
    AgentUnderBench.Cost bareBusy;
    try {
      settle("a bare producer at rest");
      bareRest = AgentUnderBench.measure(bare, measured);
      Files.writeString(rateFile, Integer.toString(RATE));
      settle("a bare producer at " + RATE + " records/s");
      bareBusy = AgentUnderBench.measure(bare, measured);
    } finally {
      Files.delete(rateFile);
      AgentUnderBench.stop(bare);
    }
    print(agentRest, agentBusy, bareRest, bareBusy, rate, memory);
  }

  /** The agent's own command line, main class and arguments replaced, so that no flag can differ. */
  private Process startBare(Path records, Path rateFile) throws IOException {
    String launcher = Files.readString(dist.resolve("bin/bianque-agent"));
    Matcher flags = Pattern.compile("(?s)\nexec [^\n]*\"\\$java_home/bin/java\"(.*?)\\$\\{aot}").matcher(launcher);
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

  private void settle(String what) {
    System.out.printf("measuring %s (%d s) …%n", what, SETTLE.plus(measured).toSeconds());
    LockSupport.parkNanos(SETTLE.toNanos());
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
      AgentUnderBench.Cost agentRest, AgentUnderBench.Cost agentBusy, AgentUnderBench.Cost bareRest, AgentUnderBench.Cost bareBusy, double rate, Map<String, Double> memory) {
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
}
