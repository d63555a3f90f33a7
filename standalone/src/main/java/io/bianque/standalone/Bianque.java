package io.bianque.standalone;

import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.standalone.control.ControlTopics.ControlUnavailable;
import io.bianque.standalone.server.ServerFiles.ChecksumMismatch;
import java.io.PrintWriter;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry of all commands that run in this JVM; the {@code bianque} script dispatches here. */
@Command(
    name = "bianque",
    subcommands = {
      UpCommand.class,
      DownCommand.class,
      StatusCommand.class,
      TopicsCommand.class,
      TailCommand.class,
      ControlCommand.class,
      DlqCommand.class,
      SuperviseCommand.class,
      PrepareCommand.class,
      ProbeCommand.class,
      ServersCommand.class,
      TestReportCommand.class
    })
public final class Bianque {

  private Bianque() {}

  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Bianque())
        .setExecutionExceptionHandler(Bianque::explain)
        .setCaseInsensitiveEnumValuesAllowed(true);
  }

  private static int explain(
      Exception exception, CommandLine commandLine, CommandLine.ParseResult parsed)
      throws Exception {
    PrintWriter err = commandLine.getErr();
    return switch (exception) {
      case UserError error -> {
        err.println("bianque: " + error.getMessage());
        yield error.exitCode();
      }
      case ControlUnavailable _, RegistryUnreachable _, RegistryRefused _, KafkaException _ -> {
        err.println("bianque: " + exception.getMessage());
        yield ExitCode.FAILED;
      }
      case ChecksumMismatch mismatch -> {
        err.println("bianque: " + mismatch.getMessage());
        yield ExitCode.FAILED;
      }
      default -> throw exception;
    };
  }
}
