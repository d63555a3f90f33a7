package io.bianque.standalone;

import io.bianque.standalone.live.StackState;
import io.bianque.standalone.part.PinMount;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.OwnedProcess;
import io.bianque.standalone.stack.PartReport;
import io.bianque.standalone.stack.PartState;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Stops the stack, in reverse order of starting. */
@Command(
    name = "down",
    description = "Stops the stack. Its data stays, unless --wipe.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque down          stop all; the next up goes on where this one ended",
      "  ./bianque down --wipe   and remove topics, documents, objects, logs (not the downloaded servers)"
    },
    mixinStandardHelpOptions = true)
public final class DownCommand implements Callable<Integer> {

  private static final Duration LIMIT = Duration.ofMinutes(2);

  /**
   * What a stack writes below the data folder. Nothing else is ever removed: somebody may have
   * named a folder of his own.
   */
  private static final List<String> WIPED =
      List.of(
          "broker",
          "registry",
          "search",
          "object-store",
          "connect",
          "streams",
          "agent",
          "lines",
          "logs",
          "run");

  @Option(names = "--wipe", description = "Remove the data too.")
  private boolean wipe;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Layout layout = Layout.of(Path.of("."));
    PrintWriter out = spec.commandLine().getOut();
    Optional<StackState> state = StackState.read(layout);
    if (state.isEmpty() || !anythingAlive(state.get())) {
      out.println("Nothing is running.");
    } else {
      stop(layout, state.get(), out);
      out.println("Stopped." + (wipe ? "" : " The data is kept in " + layout.data() + "."));
    }
    PinMount.close(layout);
    if (wipe) {
      for (String folder : WIPED) {
        remove(layout.of(folder));
      }
      out.println("The data in " + layout.data() + " is removed.");
    }
    return ExitCode.OK;
  }

  private static boolean anythingAlive(StackState state) {
    return Stream.concat(Stream.of(state.supervisor()), processes(state))
        .anyMatch(OwnedProcess::isAlive);
  }

  private static Stream<OwnedProcess> processes(StackState state) {
    return state.parts().stream().flatMap(part -> part.processes().stream());
  }

  private static void stop(Layout layout, StackState state, PrintWriter out)
      throws IOException, InterruptedException {
    OwnedProcess supervisor = state.supervisor();
    supervisor.terminate();
    Set<String> told = new HashSet<>();
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (supervisor.isAlive()) {
      if (System.nanoTime() > deadline) {
        out.println("The supervisor does not end; killing it and its parts.");
        break;
      }
      StackState.read(layout).ifPresent(now -> now.parts().forEach(part -> tell(out, told, part)));
      Thread.sleep(100);
    }
    state.parts().stream()
        .filter(part -> told.add(part.name()))
        .forEach(part -> out.println("stopped " + part.name()));
    supervisor.kill();
    processes(state).forEach(OwnedProcess::kill);
    while (anythingAlive(state)) {
      Thread.sleep(20);
    }
    Files.deleteIfExists(StackState.file(layout));
  }

  private static void tell(PrintWriter out, Set<String> told, PartReport part) {
    if (part.state() == PartState.STOPPED && told.add(part.name())) {
      out.println("stopped " + part.name());
      out.flush();
    }
  }

  private static void remove(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
