package io.bianque.standalone;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry of all commands that run in this JVM; the {@code bianque} script dispatches here. */
@Command(
    name = "bianque",
    description = "Which packets does this kernel drop, where, why, and through which functions?",
    subcommands = {ServersCommand.class})
public final class Bianque {

  private Bianque() {}

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Bianque()).execute(arguments));
  }
}
