package io.bianque.streams;

import io.bianque.schemas.registry.RegistryClient;
import io.bianque.streams.config.Settings;
import io.bianque.streams.ruleset.Cluster;
import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options: where the broker and the registry are. */
final class Connection {
  @Option(
      names = "--bootstrap-servers",
      paramLabel = "HOST:PORT",
      description = "Brokers of another stack than the one that runs here.")
  private Optional<String> bootstrapServers = Optional.empty();

  @Option(
      names = "--registry",
      paramLabel = "URL",
      description = "The Confluent API of its schema registry.")
  private Optional<URI> registry = Optional.empty();

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "A stream tier's configuration, which says both, and Kafka's own settings for TLS and the like.")
  private Optional<Path> config = Optional.empty();

  Cluster cluster() {
    if (bootstrapServers.isPresent() != registry.isPresent()) {
      throw new CommandFailed(
          BianqueStreams.WRONG, "--bootstrap-servers and --registry go together");
    }
    Settings settings = Settings.load(config, System.getenv());
    return bootstrapServers.isEmpty()
        ? Cluster.of(settings)
        : new Cluster(
            bootstrapServers.get(), settings.kafka(), new RegistryClient(registry.orElseThrow()));
  }
}
