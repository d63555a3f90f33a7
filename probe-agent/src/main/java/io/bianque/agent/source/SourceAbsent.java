package io.bianque.agent.source;

/** This kernel has nothing that the source could read. The message says what to do about it. */
public final class SourceAbsent extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SourceAbsent(String message) {
    super(message);
  }
}
