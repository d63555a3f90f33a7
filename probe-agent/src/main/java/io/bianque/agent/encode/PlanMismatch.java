package io.bianque.agent.encode;

/**
 * A probe's C struct and its schema do not say the same; the message names struct, field, offset, C
 * type and schema field.
 */
public final class PlanMismatch extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PlanMismatch(String message) {
    super(message);
  }
}
