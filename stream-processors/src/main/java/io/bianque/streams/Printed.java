package io.bianque.streams;

import picocli.CommandLine.Option;

/** Option: how a result is printed. */
final class Printed {
  /** For whom. */
  enum Output {
    TEXT,
    JSON
  }

  @Option(
      names = "--output",
      description = "${COMPLETION-CANDIDATES}. JSON is one object a line. Default: text.")
  private Output output = Output.TEXT;

  boolean isJson() {
    return output == Output.JSON;
  }
}
