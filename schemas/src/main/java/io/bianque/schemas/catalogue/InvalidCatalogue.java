package io.bianque.schemas.catalogue;

/** The catalogue says something that cannot be; the message has file, line and reason. */
public final class InvalidCatalogue extends RuntimeException {
  InvalidCatalogue(String message) {
    super(message);
  }

  InvalidCatalogue(String message, Throwable cause) {
    super(message, cause);
  }
}
