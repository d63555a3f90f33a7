package io.bianque.sinks.event;

/** Something outside the record is in the way; the same record may well go through later. */
public final class TryLater extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public TryLater(String message, Throwable cause) {
    super(message, cause);
  }
}
