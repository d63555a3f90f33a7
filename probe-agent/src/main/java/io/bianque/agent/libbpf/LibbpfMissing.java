package io.bianque.agent.libbpf;

/** libbpf is not on this machine, or too old; the message says what to install. */
public final class LibbpfMissing extends RuntimeException {
  private static final long serialVersionUID = 1L;

  LibbpfMissing(String message, Throwable cause) {
    super(message, cause);
  }
}
