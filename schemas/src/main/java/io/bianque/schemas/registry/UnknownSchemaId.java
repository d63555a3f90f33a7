package io.bianque.schemas.registry;

/** The registry has no schema of that id. */
public final class UnknownSchemaId extends RuntimeException {
  public UnknownSchemaId(int id, String where) {
    super("no schema has id " + id + " at " + where);
  }
}
