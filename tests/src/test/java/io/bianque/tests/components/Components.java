package io.bianque.tests.components;

import io.bianque.standalone.Standalone;
import io.bianque.standalone.http.S3Request;
import io.bianque.standalone.part.ObjectStore;
import io.bianque.standalone.server.ServerFiles;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.PartReport;
import io.bianque.standalone.stack.PartState;
import io.bianque.standalone.stack.Ports;
import io.bianque.standalone.stack.Stack;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The borrowed servers: where they are, and how to do them harm. Methods may be called from any
 * thread.
 */
public final class Components implements AutoCloseable {

  private static final Duration START_LIMIT = Duration.ofMinutes(2);

  private final Layout layout;
  private final Ports ports = Ports.free();
  private final Stack stack;
  private final Map<Component, ContainerServer> containers;

  /** Servers of its own, not started yet. */
  public Components() {
    Layout checkout = Layout.of(Path.of("").toAbsolutePath());
    try {
      if (!new ServerFiles(
              checkout.servers(),
              checkout.checkout().resolve("standalone/servers/checksums.sha256"))
          .isInstalled()) {
        throw new IllegalStateException(
            "the servers are not in "
                + checkout.servers()
                + ": run `./bianque build servers` first");
      }
      Path data = Files.createTempDirectory("bianque-tests-");
      // Elasticsearch runs as a user of its own and has to pass through.
      Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwx--x--x"));
      this.layout = checkout.withData(data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    List<Part> parts = Standalone.servers(layout, ports);
    this.containers = ContainerServer.where(parts, ports);
    Set<String> elsewhere =
        containers.keySet().stream()
            .map(component -> component.part)
            .collect(Collectors.toUnmodifiableSet());
    this.stack =
        new Stack(
            parts.stream()
                .filter(part -> !elsewhere.contains(part.name()))
                .map(part -> part.without(elsewhere))
                .toList(),
            line -> {});
  }

  public String bootstrapServers() {
    return ports.bootstrapServers();
  }

  /** Base of the registry's Confluent-compatible API. */
  public URI registry() {
    return ports.registryApi();
  }

  public URI search() {
    return ports.http(ports.search());
  }

  /** The Connect worker's REST API. */
  public URI connect() {
    return ports.http(ports.connect());
  }

  public URI objectStore() {
    return ports.http(ports.objectStore());
  }

  /** Keys that the object store accepts. */
  public S3Request objectStoreCredentials() throws IOException {
    return ObjectStore.credentials(layout);
  }

  /** Folder of all that the servers write; deleted at the end. */
  public Path data() {
    return layout.data();
  }

  public Path log(Component component) {
    return layout.log(component.part);
  }

  /**
   * Starts those that do not run, side by side, keeping their data and their addresses. Returns
   * when all are healthy.
   */
  public void start(Component... components) throws InterruptedException {
    List<String> parts = new ArrayList<>();
    List<ContainerServer> elsewhere = new ArrayList<>();
    for (Component component : components) {
      if (isContainer(component)) {
        elsewhere.add(containers.get(component));
      } else {
        parts.add(component.part);
      }
    }
    startContainers(elsewhere);
    if (!stack.start(parts, START_LIMIT)) {
      throw new IllegalStateException(
          "not all of "
              + parts
              + " run after "
              + START_LIMIT.toSeconds()
              + " s:\n"
              + parts.stream()
                  .map(stack::report)
                  .filter(report -> report.state() != PartState.RUNNING)
                  .map(Components::describe)
                  .collect(Collectors.joining("\n")));
    }
  }

  /** First, since a child process may need one. */
  private static void startContainers(List<ContainerServer> servers) throws InterruptedException {
    try (ExecutorService each = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> starts = new ArrayList<>();
      for (ContainerServer server : servers) {
        starts.add(
            each.submit(() -> {
              server.start(START_LIMIT);
              return null;
            }));
      }
      for (Future<?> start : starts) {
        start.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("a container does not start", e.getCause());
    }
  }

  /** Ends it in order and leaves it down. Returns when its processes are gone. */
  public void stop(Component component) throws InterruptedException {
    if (isContainer(component)) {
      containers.get(component).stop();
    } else {
      stack.stop(component.part);
    }
  }

  /** SIGKILL for it and all its children; leaves it down. Returns when they are gone. */
  public void kill(Component component) throws InterruptedException {
    if (isContainer(component)) {
      containers.get(component).kill();
    } else {
      stack.kill(component.part);
    }
  }

  /** Whether it is a container here, and no child process. */
  public boolean isContainer(Component component) {
    return containers.containsKey(component);
  }

  /** Its state, processes, and how often it was started again. For child processes only. */
  public PartReport report(Component component) {
    return stack.report(component.part);
  }

  @Override
  public void close() throws IOException {
    stack.close();
    containers.values().forEach(ContainerServer::close);
    try (Stream<Path> files = Files.walk(layout.data())) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static String describe(PartReport report) {
    return report.name()
        + " is "
        + report.state()
        + ", "
        + report.detail().orElse("no detail")
        + "\n"
        + lastLines(report.log());
  }

  private static String lastLines(Path log) {
    try {
      List<String> lines = Files.readAllLines(log);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
    } catch (IOException none) {
      return "(no log: " + none.getMessage() + ")";
    }
  }
}
