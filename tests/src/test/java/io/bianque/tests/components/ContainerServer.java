package io.bianque.tests.components;

import io.bianque.standalone.part.Versions;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * A server as a container, on the same port of loopback over all its restarts; healthy and set up
 * by the same checks and steps as the child process that it stands for.
 */
final class ContainerServer implements AutoCloseable {

  private final Part part;
  private final GenericContainer<?> container;

  private ContainerServer(Part part, GenericContainer<?> container, int port, int portInside) {
    this.part = part;
    this.container = container;
    // Testcontainers would choose another port at each start, and clients could not find a
    // restarted server.
    container.setPortBindings(List.of("127.0.0.1:" + port + ":" + portInside));
  }

  /**
   * Those of the servers that there are images of, where an engine answers; none otherwise.
   *
   * @param parts the same servers as child processes
   */
  static Map<Component, ContainerServer> where(List<Part> parts, Ports ports) {
    Map<Component, ContainerServer> servers = new EnumMap<>(Component.class);
    if (engineAnswers()) {
      for (Part part : parts) {
        if (part.name().equals(Component.BROKER.part)) {
          servers.put(Component.BROKER, broker(part, ports.broker()));
        } else if (part.name().equals(Component.REGISTRY.part)) {
          servers.put(Component.REGISTRY, registry(part, ports.registry()));
        } else if (part.name().equals(Component.SEARCH.part)) {
          servers.put(Component.SEARCH, search(part, ports.search()));
        }
      }
    }
    return servers;
  }

  /**
   * Asks only where somebody may answer: Testcontainers takes seconds to find out that nobody does.
   */
  static boolean engineAnswers() {
    String host = System.getenv("DOCKER_HOST");
    boolean maybe = host == null ? Files.exists(Path.of("/var/run/docker.sock")) : !host.isBlank();
    return maybe && DockerClientFactory.instance().isDockerAvailable();
  }

  private static ContainerServer broker(Part part, int port) {
    KafkaContainer container =
        new KafkaContainer(
                image("BROKER", "apache/kafka:" + Versions.of("kafka"))
                    .asCompatibleSubstituteFor("apache/kafka"))
            .withEnv("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
            .withEnv("KAFKA_LOG_DIRS", "/var/lib/kafka/data")
            .withEnv("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1")
            .withEnv("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1");
    return new ContainerServer(part, container, port, 9092);
  }

  private static ContainerServer registry(Part part, int port) {
    GenericContainer<?> container =
        new GenericContainer<>(
                image("REGISTRY", "apicurio/apicurio-registry:" + Versions.of("registry")))
            .withExposedPorts(8080)
            .withEnv("APICURIO_STORAGE_KIND", "sql")
            .withEnv("APICURIO_STORAGE_SQL_KIND", "h2")
            .withEnv("APICURIO_DATASOURCE_URL", "jdbc:h2:file:/tmp/schemas;WRITE_DELAY=0")
            .waitingFor(Wait.forHttp("/apis/ccompat/v7/subjects").forPort(8080));
    return new ContainerServer(part, container, port, 8080);
  }

  private static ContainerServer search(Part part, int port) {
    GenericContainer<?> container =
        new GenericContainer<>(
                image(
                    "SEARCH",
                    "docker.elastic.co/elasticsearch/elasticsearch:" + Versions.of("search")))
            .withExposedPorts(9200)
            .withEnv("discovery.type", "single-node")
            .withEnv("xpack.security.enabled", "false")
            .withEnv("cluster.routing.allocation.disk.threshold_enabled", "false")
            .withEnv("ES_JAVA_OPTS", "-Xms256m -Xmx256m -XX:-AlwaysPreTouch")
            .waitingFor(
                Wait.forHttp("/_cluster/health")
                    .forPort(9200)
                    .withStartupTimeout(Duration.ofMinutes(2)));
    return new ContainerServer(part, container, port, 9200);
  }

  private static DockerImageName image(String name, String published) {
    return DockerImageName.parse(
        Optional.ofNullable(System.getenv("BIANQUE_IMAGE_" + name)).orElse(published));
  }

  /** Starts it if it does not run. Returns when it is healthy and set up. */
  void start(Duration limit) throws InterruptedException {
    if (container.getContainerId() == null) {
      container.start();
    } else if (isRunning()) {
      return;
    } else {
      container.getDockerClient().startContainerCmd(container.getContainerId()).exec();
    }
    long deadline = System.nanoTime() + limit.toNanos();
    for (Optional<String> problem = part.health().problem();
        problem.isPresent();
        problem = part.health().problem()) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(
            "the container of the " + part.name() + ": " + problem.get() + "\n" + logEnd());
      }
      Thread.sleep(100);
    }
    part.health().release();
    try {
      part.setUp().run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** As the child process is stopped: its grace, then SIGKILL. Keeps its files. */
  void stop() {
    container
        .getDockerClient()
        .stopContainerCmd(container.getContainerId())
        .withTimeout((int) part.grace().toSeconds())
        .exec();
  }

  void kill() {
    container.getDockerClient().killContainerCmd(container.getContainerId()).exec();
  }

  boolean isRunning() {
    return Boolean.TRUE.equals(
        container
            .getDockerClient()
            .inspectContainerCmd(container.getContainerId())
            .exec()
            .getState()
            .getRunning());
  }

  private String logEnd() {
    List<String> lines = container.getLogs().lines().toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
  }

  @Override
  public void close() {
    container.close();
  }
}
