package io.bianque.tests.streams;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.standalone.http.Http;
import io.bianque.standalone.part.Streams;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Ports;
import io.bianque.tests.components.Components;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.core.ConditionTimeoutException;

/**
 * The stream tier from its distribution, started by its own launcher; a test of what is not
 * packaged is skipped. For one thread.
 */
public final class StreamsProcess implements AutoCloseable {
  private static final Duration READY = Duration.ofSeconds(90);

  private final Path launcher;
  private final Path log;
  private final int port;
  private final Map<String, String> environment;
  private Process process;

  /**
   * Not started yet.
   *
   * @param folder for its state and log, made if it is not there; a second one with the same folder
   *     is the first one, restarted
   * @param more environment variables of its configuration
   */
  public StreamsProcess(
      Components components, String applicationId, Path folder, Map<String, String> more)
      throws IOException {
    this.launcher =
        Layout.of(Path.of("").toAbsolutePath())
            .checkout()
            .resolve("stream-processors/target/dist/bin/bianque-streams");
    assumeTrue(Files.isExecutable(launcher), "the stream tier is not packaged: `./bianque build`");
    this.log = Files.createDirectories(folder).resolve("streams.log");
    this.port = Ports.free().streams();
    this.environment = new java.util.HashMap<>(more);
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("BIANQUE_STREAMS_BOOTSTRAP_SERVERS", components.bootstrapServers());
    environment.put(
        "BIANQUE_STREAMS_REGISTRY_URL", components.registry().toString().replaceAll("/$", ""));
    environment.put("BIANQUE_STREAMS_APPLICATION_ID", applicationId);
    environment.put("BIANQUE_STREAMS_STATE_DIR", folder.resolve("state").toString());
    environment.put("BIANQUE_STREAMS_HTTP_PORT", Integer.toString(port));
    environment.putIfAbsent(Streams.FLAGS, Streams.SMALL);
    environment.putIfAbsent("BIANQUE_STREAMS_NAMES_FROM", "none");
  }

  /** Runs the tier, or the command that the arguments say. */
  public void start(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(launcher.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.redirectInput(new File("/dev/null"));
    process = builder.start();
  }

  /** Returns when it says that events are being worked on. */
  public void awaitHealthy() {
    try {
      await()
          .atMost(READY)
          .pollInterval(Duration.ofMillis(200))
          .until(() -> process.isAlive() && Http.problem(health()).isEmpty());
    } catch (ConditionTimeoutException e) {
      throw new IllegalStateException("is not healthy: " + get("/health") + "\n" + log(), e);
    }
  }

  URI health() {
    return URI.create("http://127.0.0.1:" + port + "/health");
  }

  String get(String path) {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(health().resolve(path)).timeout(Duration.ofSeconds(5)).build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }

  /** SIGKILL; returns when it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** SIGSTOP: it is there and does nothing, as on a machine that is suspended. */
  void freeze() throws IOException, InterruptedException {
    signal("STOP");
  }

  /** SIGCONT. */
  void resume() throws IOException, InterruptedException {
    signal("CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    if (new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor()
        != 0) {
      throw new IOException("SIG" + name + " could not be sent");
    }
  }

  /** Resident memory in MB. */
  long residentMegabytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/" + process.pid() + "/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
        .findFirst()
        .orElseThrow();
  }

  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Its exit code, once it has ended by itself. */
  int awaitEnd() throws InterruptedException {
    if (!process.waitFor(READY.toSeconds(), TimeUnit.SECONDS)) {
      throw new IllegalStateException("did not end by itself:\n" + log());
    }
    return process.exitValue();
  }

  /** SIGTERM, and its exit code once it has ended. */
  int stop() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(40, TimeUnit.SECONDS)) {
      kill();
      throw new IllegalStateException("did not stop by itself:\n" + log());
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroyForcibly().onExit().join();
    }
  }
}
