package io.bianque.schemas.registry;

/** The registry has no Avro schema of that id. */
public final class UnknownSchemaId extends RuntimeException {
  public UnknownSchemaId(String message) {
    super(message);
  }
}
