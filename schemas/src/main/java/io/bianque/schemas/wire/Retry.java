package io.bianque.schemas.wire;

/** How a record says that it was a dead letter. */
public final class Retry {
  /**
   * Header of a record that was sent again: its offset when it came first, as decimal text. It is
   * the same event as that one, whatever its sequence number has been taken for since.
   */
  public static final String OFFSET_HEADER = "bianque.retry-offset";

  private Retry() {}
}
