package io.bianque.tests.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A checkout of this repository: the one that the tests were built in, or a clone. */
record Checkout(Path folder) {
  private static final Pattern SHELL_BLOCK =
      Pattern.compile("(?ms)^```(?:sh|bash|shell|console)\\n(.*?)^```$");

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

  /**
   * The README's first command, which clones, with this checkout in the place of the public
   * address.
   */
  String readmeClone() {
    String command = readmeCommands().getFirst();
    if (!command.matches("git clone \\S+bianque(\\.git)?( && cd bianque)?")) {
      throw new AssertionError(
          "the README's first command does not clone into the folder bianque: " + command);
    }
    return "git clone --quiet " + folder + " bianque";
  }

  /** Its second, which starts everything. */
  String readmeStart() {
    return readmeCommands().stream()
        .filter(command -> command.startsWith("./bianque "))
        .findFirst()
        .orElseThrow(() -> new AssertionError("the README does not say how to start"));
  }

  /**
   * What the README tells a reader to type, block by block, prompts and comments left out,
   * continued lines joined.
   */
  List<String> readmeCommands() {
    List<String> commands = new ArrayList<>();
    Matcher block = SHELL_BLOCK.matcher(read("README.md"));
    while (block.find()) {
      for (String line : block.group(1).replace("\\\n", " ").lines().toList()) {
        String command = line.strip().replaceFirst("^\\$ ", "");
        if (!command.isEmpty() && !command.startsWith("#")) {
          commands.add(command);
        }
      }
    }
    return commands;
  }

  private String read(String file) {
    try {
      return Files.readString(folder.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
