package io.bianque.standalone.part;

import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.Uuid;

/** The Kafka broker: one KRaft node that is its own controller. */
public final class Broker {

  public static final String NAME = "broker";

  private Broker() {}

  public static Part part(Layout layout, Ports ports, Part.SetUp setUp) {
    return new Part(
        NAME,
        Versions.of("kafka"),
        URI.create("kafka://" + ports.bootstrapServers()),
        layout.log(NAME),
        Set.of(),
        Set.of(),
        Duration.ofSeconds(20),
        Part.Ends.NEVER,
        () -> prepare(layout, ports),
        new Check(ports),
        setUp);
  }

  /** A client whose answers come, or fail, within seconds. The caller closes it. */
  public static Admin admin(String bootstrapServers) {
    return Admin.create(
        Map.of(
            AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers,
            AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, 3_000,
            AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, 5_000,
            AdminClientConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, 500));
  }

  private static Command prepare(Layout layout, Ports ports) throws IOException {
    Path folder = layout.of(NAME);
    Path storage = folder.resolve("storage");
    Path config = folder.resolve("server.properties");
    Files.createDirectories(folder);
    Files.writeString(config, properties(ports, storage));
    Path lib = layout.server("kafka").resolve("lib");
    if (!Files.exists(storage.resolve("meta.properties"))) {
      format(layout, lib, config);
    }
    return Jvm.run(layout, NAME, lib, "256m", "kafka.Kafka", config.toString());
  }

  private static String properties(Ports ports, Path storage) {
    return """
    process.roles=broker,controller
    node.id=1
    controller.quorum.voters=1@127.0.0.1:%2$d
    listeners=CLIENTS://127.0.0.1:%1$d,CONTROLLER://127.0.0.1:%2$d
    advertised.listeners=CLIENTS://127.0.0.1:%1$d
    inter.broker.listener.name=CLIENTS
    controller.listener.names=CONTROLLER
    listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
    log.dirs=%3$s
    # Topics come from the catalogue; a misspelled name must fail, not make a topic.
    auto.create.topics.enable=false
    # One node: nothing can be replicated, and a few partitions of the internal topics are enough.
    offsets.topic.replication.factor=1
    offsets.topic.num.partitions=8
    transaction.state.log.replication.factor=1
    transaction.state.log.min.isr=1
    transaction.state.log.num.partitions=8
    share.coordinator.state.topic.replication.factor=1
    share.coordinator.state.topic.min.isr=1
    group.initial.rebalance.delay.ms=0
    # A consumer that was killed may be replaced after 6 s, and its transactions are given up after a minute at most.
    group.min.session.timeout.ms=6000
    num.network.threads=2
    num.io.threads=4
    """
        .formatted(ports.broker(), ports.controller(), storage);
  }

  /** Writes the cluster id, once in the life of a data folder. */
  private static void format(Layout layout, Path lib, Path config) throws IOException {
    Command format =
        Jvm.run(
            layout,
            NAME,
            lib,
            "128m",
            "kafka.tools.StorageTool",
            "format",
            "-t",
            Uuid.randomUuid().toString(),
            "-c",
            config.toString());
    Files.createDirectories(layout.logs());
    Process process =
        new ProcessBuilder(format.line())
            .directory(format.directory().toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(layout.log(NAME).toFile()))
            .start();
    try {
      if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IOException(
            "the broker's storage could not be formatted, see " + layout.log(NAME));
      }
    } catch (InterruptedException interrupted) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while formatting the broker's storage", interrupted);
    }
  }

  /** Keeps one client over all its questions: making one costs more than asking. */
  private static final class Check implements Part.Health {
    private final String bootstrapServers;
    private final int port;
    private Optional<Admin> admin = Optional.empty();

    Check(Ports ports) {
      this.bootstrapServers = ports.bootstrapServers();
      this.port = ports.broker();
    }

    @Override
    public Optional<String> problem() {
      // Cheap first: a client that is made while nobody listens would log and retry for seconds.
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1_000);
      } catch (IOException closed) {
        return Optional.of("nothing listens on " + bootstrapServers);
      }
      try {
        if (admin.isEmpty()) {
          admin = Optional.of(admin(bootstrapServers));
        }
        int nodes = admin.get().describeCluster().nodes().get(5, TimeUnit.SECONDS).size();
        return nodes == 1
            ? Optional.empty()
            : Optional.of("the cluster has " + nodes + " nodes, not 1");
      } catch (ExecutionException | TimeoutException failed) {
        Throwable cause = failed instanceof ExecutionException ? failed.getCause() : failed;
        return Optional.of("describeCluster failed: " + cause);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        return Optional.of("interrupted");
      }
    }

    /** It would look for the broker for ever. */
    @Override
    public void release() {
      admin.ifPresent(client -> client.close(Duration.ZERO));
      admin = Optional.empty();
    }
  }
}
