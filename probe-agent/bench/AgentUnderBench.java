import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;

/** The real agent, beside a stack's broker and registry: started, asked, measured, ended. */
final class AgentUnderBench implements Subject {
  /** One process over one stretch of time. CPU in percent of one core, resident MB at its end by what is mapped. */
  record Cost(double cpuPercent, Map<String, Double> memory) {
    double rssMb() {
      return memory.values().stream().mapToDouble(d -> d).sum();
    }
  }

  private final Path log;
  private final int httpPort;
  private final Process process;

  /**
   * Starts it and waits until it is healthy.
   *
   * @param dist the agent's distribution
   * @param work for its state and its log
   * @param base of the stack's ports
   * @param config text of its configuration file
   */
  AgentUnderBench(Path dist, Path work, int base, String config) throws Exception {
    this.log = work.resolve("agent.log");
    this.httpPort = base + 7;
    Path file = Files.writeString(work.resolve("agent.yaml"), config);
    ProcessBuilder builder =
        new ProcessBuilder(dist.resolve("bin/bianque-agent").toString(), "--config", file.toString());
    builder
        .environment()
        .putAll(
            Map.of(
                "BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:" + (base + 2),
                "BIANQUE_AGENT_REGISTRY__URL", "http://127.0.0.1:" + (base + 1) + "/apis/ccompat/v7",
                "BIANQUE_AGENT_HTTP__PORT", Integer.toString(httpPort),
                // Neither probes of another agent taken over, nor any left behind.
                "BIANQUE_AGENT_PIN_FOLDER", "none",
                "BIANQUE_AGENT_STATE_DIR", work.resolve("agent").toString()));
    this.process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    awaitHealthy();
  }

  @Override
  public String name() {
    return "agent";
  }

  @Override
  public Process process() {
    return process;
  }

  /** Of dropwatch; those that arrived are those that the broker has acknowledged. */
  @Override
  public Events events() throws IOException, InterruptedException {
    String metrics = metrics();
    return new Events(
        drops(metrics, "attempted"),
        drops(metrics, "rate_limited"),
        drops(metrics, "ring_full"),
        drops(metrics, "acked"));
  }

  private static long drops(String metrics, String what) {
    return Pattern.compile("(?m)^bianque_probe_events_" + what + "_total\\{probe=\"dropwatch\"} (\\d+)")
        .matcher(metrics)
        .results()
        .mapToLong(found -> Long.parseLong(found.group(1)))
        .sum();
  }

  String metrics() throws IOException, InterruptedException {
    return get("/metrics").body();
  }

  private void awaitHealthy() throws Exception {
    for (int i = 0; i < 60; i++) {
      if (!process.isAlive()) {
        throw new IllegalStateException("the agent ended: " + Files.readString(log));
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
    throw new IllegalStateException("the agent is not healthy: " + Files.readString(log));
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + httpPort + path)).build(),
          HttpResponse.BodyHandlers.ofString());
    }
  }

  static Cost measure(Process process, Duration measured) throws Exception {
    Map<Path, Long> before = cpuNanos(process);
    long begin = System.nanoTime();
    LockSupport.parkNanos(measured.toNanos());
    double nanos = System.nanoTime() - begin;
    long used = 0;
    for (Map.Entry<Path, Long> thread : cpuNanos(process).entrySet()) {
      used += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
    }
    return new Cost(100 * used / nanos, memory(process));
  }

  /** Of each thread the time on a CPU, which /proc/PID/stat has in hundredths of a second only. */
  private static Map<Path, Long> cpuNanos(Process process) throws IOException {
    Map<Path, Long> nanos = new TreeMap<>();
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/" + process.pid() + "/task"))) {
      for (Path thread : threads) {
        try {
          nanos.put(thread, Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ")[0]));
        } catch (IOException ended) {
          // What a thread used that ends in between is not counted.
        }
      }
    }
    return nanos;
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
    // Below 4 GB, for short pointers.
    return fields[0].startsWith("f") && fields[0].length() == 17
        ? "Java heap"
        : "code, metaspace, stacks";
  }

  static void stop(Process process) throws InterruptedException {
    process.destroy();
    if (!process.waitFor(20, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }

  @Override
  public void close() throws InterruptedException {
    stop(process);
  }
}
