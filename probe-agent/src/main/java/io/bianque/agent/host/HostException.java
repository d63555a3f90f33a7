package io.bianque.agent.host;

/**
 * A fact of the host without which the agent cannot work: says which file, what was found, and what
 * to do.
 */
public final class HostException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public HostException(String message) {
    super(message);
  }

  HostException(String message, Throwable cause) {
    super(message, cause);
  }
}
