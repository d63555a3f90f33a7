package io.bianque.standalone;

/** How a command prints its result. */
public enum Output {
  TEXT,
  JSON
}
