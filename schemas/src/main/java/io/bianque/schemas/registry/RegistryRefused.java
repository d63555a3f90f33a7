package io.bianque.schemas.registry;

import java.net.URI;

/** The registry understood and said no: asking again gives the same answer. */
public final class RegistryRefused extends RuntimeException {
  private final int status;
  private final int errorCode;

  RegistryRefused(String method, URI uri, int status, int errorCode, String message) {
    super(
        "Schema registry refused %s %s: HTTP %d, error %d: %s"
            .formatted(method, uri, status, errorCode, message));
    this.status = status;
    this.errorCode = errorCode;
  }

  /**
   * HTTP status: 409 for an incompatible schema, 422 for an invalid one, 401 and 403 for missing
   * rights.
   */
  public int status() {
    return status;
  }

  /**
   * The registry's own number: 40401 unknown subject, 40403 unknown schema, 42201 invalid schema.
   */
  public int errorCode() {
    return errorCode;
  }
}
