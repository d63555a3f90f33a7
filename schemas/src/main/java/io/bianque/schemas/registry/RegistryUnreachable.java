package io.bianque.schemas.registry;

import java.net.URI;

/**
 * The registry did not answer, or answered that it is ill (HTTP 5xx, 429): asking later may help.
 */
public final class RegistryUnreachable extends RuntimeException {
  RegistryUnreachable(URI uri, String reason, Throwable cause) {
    super("Schema registry at " + uri + " cannot be asked: " + reason, cause);
  }
}
