package io.bianque.agent.probe;

/**
 * A probe's files or its configuration are wrong in themselves: trying again helps only when they
 * changed. The message says which, and what is allowed.
 */
public final class ProbeRejected extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ProbeRejected(String message) {
    super(message);
  }

  ProbeRejected(String message, Throwable cause) {
    super(message, cause);
  }
}
