package io.bianque.tests.sinks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A real OpenSearch node beside the stack, which has none: its jars are fetched when a test first
 * asks for it.
 */
final class OpenSearch implements AutoCloseable {
  private static final Path FOLDER = Path.of("opensearch").toAbsolutePath();

  private final Process process;
  private final URI address;

  private OpenSearch(Process process, URI address) {
    this.process = process;
    this.address = address;
  }

  /**
   * Starts a node that keeps its data in the folder. The test is skipped where its jars cannot be
   * had.
   */
  static OpenSearch start(Path folder) throws IOException, InterruptedException {
    fetch();
    int port = Ports.free().search();
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xms256m",
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                FOLDER.resolve("target/lib") + "/*",
                FOLDER.resolve("OpenSearchServer.java").toString(),
                folder.resolve("data").toString(),
                Integer.toString(port),
                Integer.toString(port + 1))
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("opensearch.log").toFile())
            .start();
    URI address = URI.create("http://127.0.0.1:" + port);
    OpenSearch server = new OpenSearch(process, address);
    try {
      await()
          .atMost(Duration.ofMinutes(2))
          .pollInterval(Duration.ofMillis(500))
          .untilAsserted(() -> {
            assertThat(process.isAlive()).as("OpenSearch lives").isTrue();
            assertThat(Http.problem(address.resolve("/_cluster/health"))).isEmpty();
          });
      return server;
    } catch (RuntimeException | AssertionError e) {
      server.close();
      throw new IllegalStateException(
          "OpenSearch did not start:\n" + Files.readString(folder.resolve("opensearch.log")), e);
    }
  }

  private static void fetch() throws IOException, InterruptedException {
    if (Files.isDirectory(FOLDER.resolve("target/lib"))) {
      return;
    }
    Path log = Files.createTempFile("opensearch-fetch", ".log");
    Process maven =
        new ProcessBuilder(
                List.of("mvn", "-q", "-ntp", "-f", FOLDER.resolve("pom.xml").toString(), "package"))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean fetched = maven.waitFor(5, TimeUnit.MINUTES) && maven.exitValue() == 0;
    maven.destroyForcibly();
    assumeTrue(fetched, () -> "OpenSearch's jars cannot be had here; see " + log);
    Files.delete(log);
  }

  URI address() {
    return address;
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
