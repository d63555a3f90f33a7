package io.bianque.tests.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** A checkout of this repository: the one that the tests were built in, or a clone. */
record Checkout(Path folder) {
  /** A line of an indented code block that begins with a program. */
  private static final Pattern COMMAND = Pattern.compile("(?m)^ {4}((?:\\./bianque|curl) .*)$");

  /** The one this test was built in. */
  static Checkout here() {
    for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
      if (Files.isRegularFile(folder.resolve("bianque"))) {
        return new Checkout(folder);
      }
    }
    throw new IllegalStateException(
        "no folder above " + Path.of("").toAbsolutePath() + " holds the bianque script");
  }

  /** The command by which the README starts everything. */
  String readmeStart() {
    return readmeCommands().stream()
        .filter(command -> command.startsWith("./bianque "))
        .findFirst()
        .orElseThrow(() -> new AssertionError("the README does not say how to start"));
  }

  /** What the README tells a reader to type, in its order. */
  List<String> readmeCommands() {
    return COMMAND
        .matcher(read("README.md"))
        .results()
        .map(match -> match.group(1).strip())
        .toList();
  }

  private String read(String file) {
    try {
      return Files.readString(folder.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
