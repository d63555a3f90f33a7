package io.bianque.tests.components;

import io.bianque.standalone.part.Versions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/** The broker as a container, on the same port of loopback over all its restarts. */
final class ContainerBroker implements AutoCloseable {

  private static final int PORT_INSIDE = 9092;
  private static final int GRACE_SECONDS = 20;

  private final KafkaContainer container;

  private ContainerBroker(int port) {
    String image =
        Optional.ofNullable(System.getenv("BIANQUE_KAFKA_IMAGE"))
            .orElse("apache/kafka:" + Versions.of("kafka"));
    this.container =
        new KafkaContainer(DockerImageName.parse(image).asCompatibleSubstituteFor("apache/kafka"))
            .withEnv("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
            .withEnv("KAFKA_LOG_DIRS", "/var/lib/kafka/data")
            .withEnv("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1")
            .withEnv("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1");
    // Testcontainers would choose another port at each start, and clients could not find a
    // restarted broker.
    container.setPortBindings(List.of("127.0.0.1:" + port + ":" + PORT_INSIDE));
  }

  /** A broker that will listen on that port, if an engine answers; empty otherwise. */
  static Optional<ContainerBroker> where(int port) {
    return engineAnswers() ? Optional.of(new ContainerBroker(port)) : Optional.empty();
  }

  /**
   * Asks only where somebody may answer: Testcontainers takes seconds to find out that nobody does.
   */
  static boolean engineAnswers() {
    String host = System.getenv("DOCKER_HOST");
    boolean maybe = host == null ? Files.exists(Path.of("/var/run/docker.sock")) : !host.isBlank();
    return maybe && DockerClientFactory.instance().isDockerAvailable();
  }

  /** Returns when the process runs; that it answers is for the caller to see. */
  void start() {
    if (container.getContainerId() == null) {
      container.start();
    } else if (!isRunning()) {
      container.getDockerClient().startContainerCmd(container.getContainerId()).exec();
    }
  }

  void stop() {
    container
        .getDockerClient()
        .stopContainerCmd(container.getContainerId())
        .withTimeout(GRACE_SECONDS)
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

  String image() {
    return container.getDockerImageName();
  }

  @Override
  public void close() throws IOException {
    container.close();
  }
}
