package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Ports;
import io.bianque.tests.components.Components;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * The agent from its distribution, started by its own launcher, with only dropwatch's UDP drops to
 * watch and no limit on them. For one thread.
 */
final class AgentProcess implements AutoCloseable {
  static final Path LAUNCHER =
      Layout.of(Path.of("").toAbsolutePath())
          .checkout()
          .resolve("probe-agent/target/dist/bin/bianque-agent");

  static final String PROBE = "dropwatch";
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path log;
  private final int port;
  private final Map<String, String> environment = new HashMap<>();
  private Process process;

  /** A run that has ended. */
  record Ended(int exit, String output, Duration took) {
    /** It failed in a way that a person can do something about: with words, without a trace. */
    Ended refusedWith(int expected) {
      assertThat(exit).as(output).isEqualTo(expected);
      assertThat(output).contains("bianque-agent: ").doesNotContain("\tat ", "Exception");
      return this;
    }
  }

  /**
   * Not started yet.
   *
   * @param folder for its state and log; a second one with the same folder is the first one,
   *     restarted
   * @param settings keys of its configuration file with their values
   */
  AgentProcess(Components components, Path folder, Map<String, String> settings) {
    this.log = folder.resolve("agent.log");
    this.port = Ports.free().agent();
    set("kafka.bootstrap_servers", components.bootstrapServers());
    set("registry.url", components.registry().toString());
    set("state_dir", folder.resolve("state").toString());
    set("http.port", Integer.toString(port));
    set("intervals.counters", "1s");
    set("pin_folder", "none");
    set("probe_folders", onlyDropwatch(folder).toString());
    set("probes.dropwatch.max_events_per_second", "0");
    List.of("tcp", "icmp", "other")
        .forEach(protocol -> set("probes.dropwatch.watch_" + protocol, "false"));
    settings.forEach(this::set);
  }

  private void set(String key, String value) {
    environment.put(
        "BIANQUE_AGENT_" + key.replace(".", "__").toUpperCase(java.util.Locale.ROOT), value);
  }

  /** A probe folder without the others: a test adds up one probe's events. */
  private static Path onlyDropwatch(Path folder) {
    try {
      Path probes = Files.createDirectories(folder.resolve("probes"));
      for (String file : List.of(PROBE + ".bpf.o", PROBE + ".avsc")) {
        Files.copy(
            LAUNCHER.resolveSibling("../probes").resolve(file),
            probes.resolve(file),
            StandardCopyOption.REPLACE_EXISTING);
      }
      return probes;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same with one more setting. */
  AgentProcess with(String key, String value) {
    set(key, value);
    return this;
  }

  int port() {
    return port;
  }

  long pid() {
    return process.pid();
  }

  /** Starts it, and returns when its probe sees drops. */
  void start() throws IOException {
    process = launch(log, List.of());
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(50))
        .until(() -> {
          assertThat(process.isAlive()).as(log()).isTrue();
          return state().equals("attached");
        });
  }

  /** The same with arguments, and without waiting. */
  void launch(String... arguments) throws IOException {
    process = launch(log, List.of(arguments));
  }

  /** Runs it with arguments to its end. */
  Ended run(String... arguments) throws IOException, InterruptedException {
    Path output = Files.createTempFile("bianque-agent", ".out");
    long began = System.nanoTime();
    Process running = launch(output, List.of(arguments));
    try {
      if (!running.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        throw new AssertionError("still runs: " + Files.readString(output));
      }
      Duration took = Duration.ofNanos(System.nanoTime() - began);
      return new Ended(running.exitValue(), Files.readString(output), took);
    } finally {
      running.destroyForcibly().waitFor();
      Files.delete(output);
    }
  }

  private Process launch(Path output, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(LAUNCHER.toString()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("BIANQUE_AGENT_"));
    builder.environment().putAll(environment);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
        .redirectInput(new File("/dev/null"));
    return builder.start();
  }

  private String state() {
    try {
      return health().at("/probes/0/state").asText();
    } catch (UncheckedIOException notYet) {
      return "not up";
    }
  }

  Http.Answer get(String path) {
    try {
      return Http.get(URI.create("http://127.0.0.1:" + port + path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  JsonNode health() {
    try {
      return JSON.readTree(get("/health").body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void untilLogSays(String words) {
    await().atMost(LIMIT).pollInterval(Duration.ofMillis(20)).until(() -> log().contains(words));
  }

  String hostId() {
    return health().path("host_id").asText();
  }

  Metrics metrics() {
    return Metrics.parse(get("/metrics").body());
  }

  /** Waits until its metrics are so; at every look they must balance. */
  Metrics until(String what, Predicate<Metrics> condition) {
    return await(what)
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(100))
        .until(
            () -> {
              Metrics metrics = metrics();
              metrics.mustBalance();
              return metrics;
            },
            condition);
  }

  /**
   * Waits until whatever the kernel has dropped by now is with the broker or given up. Not until
   * nothing is on its way: others may be dropping packets on this machine too.
   */
  Metrics untilGone() {
    long attempted = metrics().events("attempted");
    return until(
        "all is acknowledged or given up",
        metrics -> metrics.events("acked") + metrics.droppedInAll() >= attempted);
  }

  /** The same for being on the disk. */
  Metrics untilOnDisk() {
    long attempted = metrics().events("attempted");
    return until(
        "all is on the disk or given up",
        metrics -> metrics.events("spooled") + metrics.droppedInAll() >= attempted);
  }

  void untilHealthy() {
    await()
        .atMost(LIMIT)
        .untilAsserted(() -> assertThat(health().path("status").asText()).isEqualTo("ok"));
  }

  /** SIGKILL; returns when it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** SIGTERM, and what came of it. */
  Ended stop() throws InterruptedException {
    long began = System.nanoTime();
    process.destroy();
    if (!process.waitFor(30, TimeUnit.SECONDS)) {
      kill();
      throw new AssertionError("did not stop by itself:\n" + log());
    }
    return new Ended(process.exitValue(), log(), Duration.ofNanos(System.nanoTime() - began));
  }

  /** Waits until it ends by itself. */
  Ended untilEnded() throws InterruptedException {
    long began = System.nanoTime();
    assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).as(log()).isTrue();
    return new Ended(process.exitValue(), log(), Duration.ofNanos(System.nanoTime() - began));
  }

  String log() {
    try {
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroyForcibly().onExit().join();
    }
  }
}
