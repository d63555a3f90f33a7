package io.bianque.standalone.stack;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where things are: the checkout with its built distributions, the third-party servers, and the
 * data folder that holds everything a stack writes.
 */
public record Layout(Path checkout, Path servers, Path data) {

  public Layout {
    checkout = checkout.toAbsolutePath().normalize();
    servers = servers.toAbsolutePath().normalize();
    data = data.toAbsolutePath().normalize();
  }

  /**
   * The layout of the checkout that holds {@code start}, with its data and servers or those that
   * $BIANQUE_DATA and $BIANQUE_SERVERS name.
   */
  public static Layout of(Path start) {
    Path checkout = start.toAbsolutePath().normalize();
    while (!Files.isDirectory(checkout.resolve("standalone/servers"))) {
      checkout = checkout.getParent();
      if (checkout == null) {
        throw new IllegalStateException(start + " is not inside a checkout of Bianque");
      }
    }
    Path data = named("BIANQUE_DATA").orElse(checkout.resolve("data"));
    return new Layout(checkout, named("BIANQUE_SERVERS").orElse(data.resolve("servers")), data);
  }

  private static Optional<Path> named(String variable) {
    return Optional.ofNullable(System.getenv(variable))
        .filter(name -> !name.isBlank())
        .map(Path::of);
  }

  public Layout withData(Path other) {
    return new Layout(checkout, servers, other);
  }

  public Path server(String name) {
    return servers.resolve(name);
  }

  /** Folder of what one part keeps. */
  public Path of(String part) {
    return data.resolve(part);
  }

  public Path logs() {
    return data.resolve("logs");
  }

  public Path log(String part) {
    return logs().resolve(part + ".log");
  }

  public Path run() {
    return data.resolve("run");
  }

  public Path agentDist() {
    return checkout.resolve("probe-agent/target/dist");
  }

  public Path streamsDist() {
    return checkout.resolve("stream-processors/target/dist");
  }

  public Path sinksDist() {
    return checkout.resolve("sinks/target/dist");
  }

  public Path deploy() {
    return checkout.resolve("deploy");
  }
}
