package io.bianque.streams.schema;

/**
 * The schema is being asked for: try again later. Says what is waited for. Without a stack trace,
 * since it is no fault.
 */
public final class SchemaPending extends RuntimeException {
  SchemaPending(String message) {
    super(message, null, false, false);
  }
}
