package io.bianque.standalone;

import io.bianque.standalone.live.StackState;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
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

  /**
   * Of a broker, and of a registry.
   *
   * @param registry base of its Confluent API
   */
  record Addresses(String bootstrapServers, URI registry) {}

  Addresses addresses() throws IOException {
    if (bootstrapServers.isPresent() != registry.isPresent()) {
      throw new UserError(ExitCode.USAGE, "--bootstrap-servers and --registry go together");
    }
    if (bootstrapServers.isPresent()) {
      return new Addresses(bootstrapServers.get(), registry.get());
    }
    Ports ports =
        StackState.readRunning(Layout.of(Path.of(".")))
            .orElseThrow(() ->
                new UserError(
                    ExitCode.NOT_RUNNING,
                    "the stack is down; ./bianque up starts it, or name another's --bootstrap-servers and --registry"))
            .ports();
    return new Addresses(ports.bootstrapServers(), ports.registryApi());
  }
}
