package io.bianque.schemas.raw;

/**
 * A raw schema says something that the pipeline cannot carry out; the message has the schema's and
 * the field's name.
 */
public final class InvalidSchema extends RuntimeException {
  public InvalidSchema(String message) {
    super(message);
  }
}
