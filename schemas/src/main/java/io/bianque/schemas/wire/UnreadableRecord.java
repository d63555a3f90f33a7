package io.bianque.schemas.wire;

import org.apache.kafka.common.errors.SerializationException;

/**
 * A record that cannot be read, now or later: the same bytes give the same answer. For the
 * dead-letter topic.
 */
public final class UnreadableRecord extends SerializationException {
  /** Why, as a word that stays the same from release to release: people count by it. */
  public enum Reason {
    /**
     * The bytes are not what they should be: no wire format, or a body that its own schema
     * contradicts.
     */
    NOT_AVRO("not-avro"),
    /** The registry knows no schema of the record's id. */
    UNKNOWN_SCHEMA_ID("unknown-schema-id"),
    /** The record ends before its schema does. */
    TRUNCATED("truncated"),
    /** The record's schema and the reader's do not resolve. */
    INCOMPATIBLE_SCHEMA("incompatible-schema");

    private final String word;

    Reason(String word) {
      this.word = word;
    }

    public String word() {
      return word;
    }
  }

  private final Reason reason;
  private final String detail;

  public UnreadableRecord(Reason reason, String detail) {
    this(reason, detail, null);
  }

  public UnreadableRecord(Reason reason, String detail, Throwable cause) {
    super(reason.word() + ": " + detail, cause);
    this.reason = reason;
    this.detail = detail;
  }

  public Reason reason() {
    return reason;
  }

  /** What is wrong with it, for a person. */
  public String detail() {
    return detail;
  }
}
