package io.bianque.standalone;

import io.bianque.standalone.live.StackState;
import io.bianque.standalone.live.StackState.Source;
import io.bianque.standalone.machine.Machine;
import io.bianque.standalone.part.Agent;
import io.bianque.standalone.part.ObjectStore;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.OwnedProcess;
import io.bianque.standalone.stack.PartReport;
import io.bianque.standalone.stack.PartState;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Starts the stack in the background and tells how it comes up. */
@Command(
    name = "up",
    description =
        "Checks this machine, builds what is not built, starts the whole stack and waits until it works."
            + " Does nothing when it runs already.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque up                     watch this machine's kernel",
      "  ./bianque up --yes               install missing packages without asking (for scripts)",
      "  ./bianque up --source recorded   without BPF rights: play recorded real events",
      "  ./bianque up --port-base 20090   ports 20091 to 20101 instead of 19091 to 19101",
      "  ./bianque up --without agent     all but the agent, which you start yourself",
      "  ./bianque up --own-probes        and take probes of your own: ./bianque probe --help"
    },
    mixinStandardHelpOptions = true)
public final class UpCommand implements Callable<Integer> {

  /** The sum of what a slow machine needs; on two cores it takes well below a minute. */
  private static final Duration LIMIT = Duration.ofMinutes(5);

  @Option(
      names = "--source",
      description = "Where raw events come from: ${COMPLETION-CANDIDATES}. Default: live.")
  private Source source = Source.LIVE;

  @Option(
      names = "--port-base",
      description =
          "First of the stack's ports, less one. Default: $BIANQUE_PORT_BASE, else "
              + Ports.DEFAULT_BASE
              + ".")
  private Optional<Integer> portBase = Optional.empty();

  @Option(
      names = "--without",
      split = ",",
      paramLabel = "PART",
      description = "Parts that are left out.")
  private Set<String> without = Set.of();

  @Option(
      names = "--own-probes",
      description =
          "Lets ./bianque probe add load probes of your own into this machine's kernel. Off unless said.")
  private boolean ownProbes;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Layout layout = Layout.of(Path.of("."));
    PrintWriter out = spec.commandLine().getOut();
    Optional<StackState> running = StackState.readRunning(layout);
    if (running.isPresent() && running.get().isRunning()) {
      out.println(
          "The stack runs already (supervisor pid %d, up for %s). Nothing was changed."
              .formatted(running.get().supervisor().pid(), Text.age(running.get().startedAt())));
      printPlaces(out, layout, running.get());
      return ExitCode.OK;
    }
    OwnedProcess supervisor;
    if (running.isPresent()) {
      out.println("The stack has been started already; waiting for it.");
      supervisor = running.get().supervisor();
    } else {
      endLeftovers(layout, out);
      Ports ports = ports();
      checkMachine(layout, ports);
      supervisor = startSupervisor(layout, ports);
    }
    return follow(layout, supervisor, out);
  }

  private Ports ports() {
    try {
      return new Ports(
          portBase.orElseGet(() -> {
            String named = System.getenv("BIANQUE_PORT_BASE");
            return named == null || named.isBlank()
                ? Ports.DEFAULT_BASE
                : Integer.parseInt(named.strip());
          }));
    } catch (NumberFormatException notANumber) {
      throw new UserError(
          ExitCode.USAGE,
          "BIANQUE_PORT_BASE is not a number: " + System.getenv("BIANQUE_PORT_BASE"));
    } catch (IllegalArgumentException outOfRange) {
      throw new UserError(ExitCode.USAGE, outOfRange.getMessage());
    }
  }

  /**
   * What a supervisor that was killed has left: its children die with it, a server behind a
   * launcher may not.
   */
  private static void endLeftovers(Layout layout, PrintWriter out)
      throws IOException, InterruptedException {
    Optional<StackState> old = StackState.read(layout);
    if (old.isEmpty()) {
      return;
    }
    List<OwnedProcess> alive =
        old.get().parts().stream()
            .flatMap(part -> part.processes().stream())
            .filter(OwnedProcess::isAlive)
            .toList();
    for (OwnedProcess process : alive) {
      out.println("Ending pid " + process.pid() + ", left behind by a supervisor that was killed.");
      process.kill();
    }
    while (alive.stream().anyMatch(OwnedProcess::isAlive)) {
      Thread.sleep(20);
    }
    Files.deleteIfExists(StackState.file(layout));
  }

  private void checkMachine(Layout layout, Ports ports) throws IOException {
    List<String> problems =
        Machine.problems(layout, ports, without.contains("agent") ? Source.RECORDED : source);
    if (!problems.isEmpty()) {
      throw new UserError(
          ExitCode.MACHINE, "this machine is not ready:\n  - " + String.join("\n  - ", problems));
    }
  }

  private OwnedProcess startSupervisor(Layout layout, Ports ports) throws IOException {
    List<String> line = new ArrayList<>();
    // A session of its own: Ctrl-C and the end of the terminal are not for it.
    line.addAll(
        List.of("setsid", Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    line.addAll(
        List.of(
            "-Xmx48m",
            "-Xss512k",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:ReservedCodeCacheSize=24m"));
    // zstd, in Kafka's client.
    line.addAll(
        List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
    line.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=error"));
    line.addAll(
        List.of(
            "-cp", System.getProperty("java.class.path"), Bianque.class.getName(), "supervise"));
    line.addAll(List.of("--port-base", Integer.toString(ports.base()), "--source", source.word()));
    if (!without.isEmpty()) {
      line.addAll(List.of("--without", String.join(",", without)));
    }
    Files.createDirectories(layout.logs());
    ProcessBuilder supervisor =
        new ProcessBuilder(line)
            .directory(layout.checkout().toFile())
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(layout.log("supervisor").toFile()));
    if (ownProbes) {
      supervisor.environment().put(Agent.OWN_PROBES, Agent.ownProbes(layout).toString());
    }
    Process process = supervisor.start();
    return OwnedProcess.of(process.pid())
        .orElseThrow(() ->
            new UserError(
                ExitCode.FAILED, "the supervisor ended at once, see " + layout.log("supervisor")));
  }

  /** Prints each part's way until all run, or the time is over. */
  private int follow(Layout layout, OwnedProcess supervisor, PrintWriter out)
      throws IOException, InterruptedException {
    Instant begin = Instant.now();
    Map<String, String> shown = new HashMap<>();
    while (Duration.between(begin, Instant.now()).compareTo(LIMIT) < 0) {
      if (!supervisor.isAlive()) {
        throw new UserError(
            ExitCode.FAILED, "the supervisor ended, see " + layout.log("supervisor"));
      }
      Optional<StackState> state = StackState.readRunning(layout);
      if (state.isPresent()) {
        state.get().parts().forEach(part -> printNews(out, part, begin, shown));
        if (state.get().isRunning()) {
          out.println("Everything works after %.1f s.".formatted(seconds(begin)));
          printPlaces(out, layout, state.get());
          return ExitCode.OK;
        }
      }
      Thread.sleep(150);
    }
    throw new UserError(
        ExitCode.FAILED,
        "not everything works after %d minutes; what does is left running.%s%nSee ./bianque status and %s"
            .formatted(LIMIT.toMinutes(), notGood(layout), layout.logs()));
  }

  private static String notGood(Layout layout) throws IOException {
    return StackState.readRunning(layout).stream()
        .flatMap(state -> state.parts().stream())
        .filter(part -> !part.state().isGood())
        .map(part ->
            "%n  %s is %s. %s"
                .formatted(part.name(), part.state().word(), part.detail().orElse("")))
        .collect(Collectors.joining());
  }

  private static void printNews(
      PrintWriter out, PartReport part, Instant begin, Map<String, String> shown) {
    String line =
        "%-13s %-10s %s"
            .formatted(
                part.name(),
                part.state().word(),
                part.state().isGood() ? part.url() : part.detail().orElse(""));
    if (!line.equals(shown.put(part.name(), line)) && part.state() != PartState.WAITING) {
      out.println("%6.1f s  %s".formatted(seconds(begin), line.strip()));
      out.flush();
    }
  }

  private static double seconds(Instant begin) {
    return Duration.between(begin, Instant.now()).toMillis() / 1000.0;
  }

  private static void printPlaces(PrintWriter out, Layout layout, StackState state) {
    Ports ports = state.ports();
    out.println(
        """

        Where everything is
          Kafka broker     %s
          schema registry  %s
          Elasticsearch    %s
          object store     %s   bucket %s, keys in %s
          Kafka Connect    %s
          agent, streams   %s/metrics  %s/metrics
          logs             %s
          data             %s

        What to try next
          ./bianque status
          ./bianque tail enriched.dropwatch
          curl -s '%s/logs-bianque.dropwatch-%s/_search?size=1&sort=@timestamp:desc&pretty'
          ./bianque down\
        """
            .formatted(
                ports.bootstrapServers(),
                ports.registryApi(),
                ports.http(ports.search()),
                ports.http(ports.objectStore()),
                ObjectStore.BUCKET,
                ObjectStore.credentialsFile(layout),
                ports.http(ports.connect()),
                ports.http(ports.agent()),
                ports.http(ports.streams()),
                layout.logs(),
                layout.data(),
                ports.http(ports.search()),
                Standalone.NAMESPACE));
    out.flush();
  }
}
