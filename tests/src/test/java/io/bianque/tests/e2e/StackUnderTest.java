package io.bianque.tests.e2e;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/**
 * One {@code bianque up} for one test class, with a data folder and ports of its own, wiped at the
 * end whatever happened. A test that fails prints the stack's own account of itself first.
 */
final class StackUnderTest
    implements BeforeAllCallback, AfterAllCallback, TestExecutionExceptionHandler {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration UP = Duration.ofMinutes(15);
  private static final Duration DOWN = Duration.ofMinutes(2);
  private static final int LOG_TAIL_BYTES = 4096;

  private final Supplier<Map<String, String>> settings;
  private final boolean cleanClone;
  private final Map<String, String> environment = new HashMap<>();
  private Checkout checkout;
  private Path folder;
  private Ports ports;

  private StackUnderTest(boolean cleanClone, Supplier<Map<String, String>> settings) {
    this.cleanClone = cleanClone;
    this.settings = settings;
  }

  /**
   * From the checkout that this test was built in.
   *
   * @param settings environment of the stack's parts; asked for when the class begins
   */
  static StackUnderTest ofThisCheckout(Supplier<Map<String, String>> settings) {
    return new StackUnderTest(false, settings);
  }

  /**
   * From a clean clone of what is committed here, started by the command that the README gives,
   * typed as it stands.
   *
   * @param settings environment of the stack's parts; asked for when the class begins
   */
  static StackUnderTest ofCleanClone(Supplier<Map<String, String>> settings) {
    return new StackUnderTest(true, settings);
  }

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    assumeTrue(
        "root".equals(System.getProperty("user.name")),
        "needs root: it makes namespaces and attaches BPF programs");
    // Elasticsearch runs as a user of its own and has to pass through.
    folder =
        Files.createTempDirectory(
            "bianque-e2e",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x")));
    checkout = cleanClone ? clone(Checkout.here()) : Checkout.here();
    ports = Ports.free();
    // A machine that runs tests is busy: that must not detach what a test looks at.
    environment.put("BIANQUE_AGENT_GUARD__CPU_PERCENT", "100");
    environment.put("BIANQUE_AGENT_GUARD__PROBES_PERCENT", "100");
    environment.putAll(settings.get());
    environment.put("BIANQUE_PORT_BASE", String.valueOf(ports.base()));
    if (!cleanClone) {
      environment.put("BIANQUE_DATA", folder.resolve("data").toString());
      environment.putIfAbsent(
          "BIANQUE_SERVERS", checkout.folder().resolve("data/servers").toString());
    }
    try {
      Shell up =
          Shell.run(
              checkout.folder(),
              environment,
              UP,
              cleanClone ? checkout.readmeStart() : "./bianque up --yes");
      System.out.println(up.succeeded());
      System.out.printf(
          "%s took %.1f s%n",
          cleanClone ? "the README's first command in a clean clone, build included," : "up",
          up.took().toMillis() / 1e3);
    } catch (Throwable failure) {
      account();
      wipe();
      throw failure;
    }
  }

  private Checkout clone(Checkout origin) {
    Shell.run(folder, Map.of(), UP, "git clone --quiet '" + origin.folder() + "' bianque")
        .succeeded();
    return new Checkout(folder.resolve("bianque"));
  }

  @Override
  public void afterAll(ExtensionContext context) {
    if (folder != null) {
      wipe();
    }
  }

  @Override
  public void handleTestExecutionException(ExtensionContext context, Throwable failure)
      throws Throwable {
    if (!(failure instanceof TestAbortedException)) {
      account();
    }
    throw failure;
  }

  /** Runs the command with this stack's data folder and ports. */
  Shell bianque(String arguments) {
    return Shell.run(checkout.folder(), environment, DOWN, "./bianque " + arguments);
  }

  Ports ports() {
    return ports;
  }

  Checkout checkout() {
    return checkout;
  }

  private Path data() {
    return (cleanClone ? checkout.folder() : folder).resolve("data");
  }

  /** All that the part has written to its log. */
  String log(String part) throws IOException {
    return Files.readString(data().resolve("logs").resolve(part + ".log"));
  }

  /** CPU time that the part's process has used since it began. */
  Duration cpuTime(String part) {
    return process(part).info().totalCpuDuration().orElseThrow();
  }

  Search search() {
    return new Search(ports.http(ports.search()));
  }

  /** One part of what {@code status --output json} says. */
  JsonNode part(String name) {
    try {
      for (JsonNode part : JSON.readTree(bianque("status --output json").output()).path("parts")) {
        if (part.path("name").asText().equals(name)) {
          return part;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw new AssertionError("status knows no part " + name);
  }

  /**
   * Kills the part's process with SIGKILL, as nobody of the stack expects it. The supervisor starts
   * it again.
   */
  void kill(String part) {
    if (!process(part).destroyForcibly()) {
      throw new AssertionError("cannot kill " + part);
    }
  }

  /** Ends it with SIGTERM. The supervisor starts it again. */
  void terminate(String part) {
    if (!process(part).destroy()) {
      throw new AssertionError("cannot terminate " + part);
    }
  }

  /**
   * Kills the part and keeps it down until the result is closed: its supervisor sleeps meanwhile.
   */
  HeldDown killAndHoldDown(String part) {
    ProcessHandle process = process(part);
    ProcessHandle supervisor = process.parent().orElseThrow();
    signal(supervisor, "STOP");
    kill(part);
    return () -> signal(supervisor, "CONT");
  }

  /** A part that is down until this is closed. */
  @FunctionalInterface
  interface HeldDown extends AutoCloseable {
    @Override
    void close();
  }

  private static void signal(ProcessHandle process, String name) {
    Shell.run(Path.of("/"), Map.of(), DOWN, "kill -" + name + " " + process.pid()).succeeded();
  }

  /**
   * Waits until the supervisor says that the part runs, with another process than {@code before}.
   */
  void awaitRestart(String part, long before) {
    await()
        .atMost(Duration.ofMinutes(3))
        .pollInterval(Duration.ofSeconds(1))
        .until(
            () -> part(part),
            now ->
                now.path("state").asText().equals("running") && now.path("pid").asLong() != before);
  }

  /**
   * Waits for any document: the first one takes an index, a shard and a JIT compiler's time that
   * later ones do not, and this machine always drops something.
   */
  void awaitFirstDocument() {
    await()
        .atMost(Duration.ofMinutes(2))
        .pollInterval(Duration.ofMillis(500))
        .until(() -> search().count("{\"match_all\": {}}") > 0);
  }

  private ProcessHandle process(String part) {
    return ProcessHandle.of(part(part).path("pid").asLong()).orElseThrow();
  }

  private void wipe() {
    try {
      System.out.println(bianque("down --wipe").output());
    } finally {
      Shell.run(Path.of("/"), Map.of(), DOWN, "rm -rf '" + folder + "'");
    }
  }

  /** Prints status and the end of each log. */
  private void account() {
    System.out.println(bianque("status").output());
    Path logs = data().resolve("logs");
    if (Files.isDirectory(logs)) {
      try (Stream<Path> files = Files.list(logs).sorted()) {
        files.forEach(log -> System.out.println("== " + log.getFileName() + "\n" + tail(log)));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static String tail(Path file) {
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      byte[] end = new byte[(int) Math.min(LOG_TAIL_BYTES, in.length())];
      in.seek(in.length() - end.length);
      in.readFully(end);
      return new String(end, StandardCharsets.UTF_8);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
