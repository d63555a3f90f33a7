package io.bianque.sinks.document;

/** An Avro schema that no document and mapping can be derived from; the message names the field. */
public final class UnmappableSchema extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnmappableSchema(String where, String why) {
    super(where + ": " + why);
  }
}
