package io.bianque.agent.encode;

import java.util.Locale;

/**
 * Why one event could not be encoded. {@link EncodePlan#encode} returns it as a negative number.
 */
public enum EncodeFailure {
  /** The event is shorter than the fields it must have. */
  TRUNCATED(-1),
  /** A length field says more elements than its array has. */
  LENGTH_BEYOND_ARRAY(-2),
  /** A number that is no member of the schema's enum. */
  ENUM_OUT_OF_RANGE(-3),
  /** The output has less room left than {@link EncodePlan#maxEncodedSize}. */
  NO_ROOM(-4);

  private static final EncodeFailure[] FAILURES = values();

  final int code;

  EncodeFailure(int code) {
    this.code = code;
  }

  /** The failure that a negative result of {@link EncodePlan#encode} stands for. */
  public static EncodeFailure of(int result) {
    return FAILURES[-1 - result];
  }

  /** A stable number from 1. */
  public int number() {
    return -code;
  }

  /** A stable word for counting: {@code length-beyond-array}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
