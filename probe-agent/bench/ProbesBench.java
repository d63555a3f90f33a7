import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs the real agent with every probe that this kernel takes, under a load of drops and of two threads that send one
 * another a byte over loopback TCP, which is packets and context switches; both are counted by the kernel. Arguments: the
 * agent's distribution, a work folder, the stack's port base, seconds of the measurement (30).
 */
final class ProbesBench {
  private static final int DROPS = 1_000;
  private static final int EXCHANGES = 5_000;
  private static final Duration SETTLE = Duration.ofSeconds(15);

  /** Of all CPUs together, for all probes under this load. */
  private static final double LIMIT_PERCENT = 1.0;

  /** Cumulative. */
  private record Runs(long count, double seconds) {}

  public static void main(String[] arguments) throws Exception {
    Duration measured =
        Duration.ofSeconds(arguments.length > 3 ? Integer.parseInt(arguments[3]) : 30);
    try (AgentUnderBench agent =
            new AgentUnderBench(
                Path.of(arguments[0]).toAbsolutePath(),
                Path.of(arguments[1]),
                Integer.parseInt(arguments[2]),
                "probes: {dropwatch: {max_events_per_second: 0}}\n");
        Drops drops = new Drops(DROPS);
        PingPong pingPong = new PingPong()) {
      System.out.printf("measuring (%d s) …%n", SETTLE.plus(measured).toSeconds());
      LockSupport.parkNanos(SETTLE.toNanos());
      Map<String, Runs> before = runs(agent.metrics());
      long switches = contextSwitches();
      long packets = packets();
      AgentUnderBench.Cost cost = AgentUnderBench.measure(agent.process(), measured);
      Map<String, Runs> after = runs(agent.metrics());
      print(
          before,
          after,
          cost,
          measured,
          (contextSwitches() - switches) / measured.toSeconds(),
          (packets() - packets) / measured.toSeconds());
    }
  }

  private static void print(
      Map<String, Runs> before,
      Map<String, Runs> after,
      AgentUnderBench.Cost cost,
      Duration measured,
      long switches,
      long packets) {
    int cpus = Runtime.getRuntime().availableProcessors();
    System.out.printf(
        "load: %,d context switches/s, %,d IP packets/s, %,d of them dropped, on %d CPUs%n%n",
        switches, packets, DROPS, cpus);
    System.out.printf("%-24s %12s %10s %14s%n", "probe", "runs/s", "ns a run", "% of a CPU");
    double all = 0;
    StringBuilder json = new StringBuilder();
    for (Map.Entry<String, Runs> probe : after.entrySet()) {
      Runs begin = before.getOrDefault(probe.getKey(), new Runs(0, 0));
      long count = probe.getValue().count() - begin.count();
      double seconds = probe.getValue().seconds() - begin.seconds();
      double percent = 100 * seconds / measured.toSeconds();
      all += percent;
      System.out.printf(
          "%-24s %,12d %10s %14.3f%n",
          probe.getKey(),
          count / measured.toSeconds(),
          count == 0 ? "-" : "%.0f".formatted(1e9 * seconds / count),
          percent);
      if (count > 0) {
        json.append(json.isEmpty() ? "" : ",")
            .append("\"%s\":%.0f".formatted(probe.getKey(), 1e9 * seconds / count));
      }
    }
    double share = all / cpus;
    System.out.printf(
        "%nall probes: %.2f %% of the machine (limit %.1f %%); the agent beside them: %.2f %% of a CPU, %.1f MB%n",
        share, LIMIT_PERCENT, cost.cpuPercent(), cost.rssMb());
    System.out.printf(
        Locale.ROOT,
        "{\"bench\":\"probes\",\"ratio\":%.3f,\"probes_percent_of_machine\":%.3f,\"agent_cpu_percent\":%.2f,\"agent_rss_mb\":%.1f,"
            + "\"context_switches_per_second\":%d,\"packets_per_second\":%d,\"ns_per_run\":{%s}}%n",
        LIMIT_PERCENT / share,
        share,
        cost.cpuPercent(),
        cost.rssMb(),
        switches,
        packets,
        json);
  }

  private static Map<String, Runs> runs(String metrics) {
    Map<String, Runs> runs = new TreeMap<>();
    Matcher count =
        Pattern.compile("(?m)^bianque_probe_runs_total\\{probe=\"([^\"]*)\"} (\\S+)").matcher(metrics);
    while (count.find()) {
      String probe = count.group(1);
      Matcher time =
          Pattern.compile("(?m)^bianque_probe_run_seconds_total\\{probe=\"" + probe + "\"} (\\S+)")
              .matcher(metrics);
      if (time.find()) {
        runs.put(
            probe,
            new Runs((long) Double.parseDouble(count.group(2)), Double.parseDouble(time.group(1))));
      }
    }
    if (runs.isEmpty()) {
      throw new IllegalStateException("the agent has no run counts: is kernel.bpf_stats_enabled 1?");
    }
    return runs;
  }

  private static long contextSwitches() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/stat"))) {
      if (line.startsWith("ctxt ")) {
        return Long.parseLong(line.substring(5));
      }
    }
    throw new IllegalStateException("/proc/stat has no ctxt");
  }

  /** IP packets that this namespace received: the third number of snmp's second Ip line. */
  private static long packets() throws IOException {
    return Files.readAllLines(Path.of("/proc/net/snmp")).stream()
        .filter(line -> line.startsWith("Ip:"))
        .skip(1)
        .map(line -> Long.parseLong(line.split(" ")[3]))
        .findFirst()
        .orElseThrow();
  }

  /** Two threads that answer one another over TCP, so many times a second. */
  private static final class PingPong implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private final Thread answering = new Thread(this::answer, "pong");
    private final Thread asking = new Thread(this::ask, "ping");
    private volatile boolean closed;

    PingPong() throws IOException {
      answering.start();
      asking.start();
    }

    private void answer() {
      try (Socket socket = server.accept();
          InputStream in = socket.getInputStream();
          OutputStream out = socket.getOutputStream()) {
        socket.setTcpNoDelay(true);
        for (int read = in.read(); read >= 0; read = in.read()) {
          out.write(read);
        }
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    private void ask() {
      try (Socket socket = new Socket(server.getInetAddress(), server.getLocalPort());
          InputStream in = socket.getInputStream();
          OutputStream out = socket.getOutputStream()) {
        socket.setTcpNoDelay(true);
        long begin = System.nanoTime();
        for (long done = 0; !closed; done++) {
          out.write(1);
          if (in.read() < 0) {
            return;
          }
          long wait = begin + done * 1_000_000_000L / EXCHANGES - System.nanoTime();
          if (wait > 0) {
            LockSupport.parkNanos(wait);
          }
        }
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void close() throws Exception {
      closed = true;
      asking.join();
      answering.join();
      server.close();
    }
  }
}
