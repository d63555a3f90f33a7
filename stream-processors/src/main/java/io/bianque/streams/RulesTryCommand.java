package io.bianque.streams;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.rule.Spelling;
import io.bianque.streams.ruleset.History;
import io.bianque.streams.ruleset.RuleCompiler;
import io.bianque.streams.ruleset.Trial;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.apache.kafka.common.errors.WakeupException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Asks rules about events of the past. */
@Command(
    name = "try",
    mixinStandardHelpOptions = true,
    description = {
      "Says what a rules file would have made of the events of a time that has passed, against what was decided then.",
      "It reads enriched and ignored events and changes nothing. Ctrl-C ends it."
    },
    footer = {
      "",
      "Examples:",
      "  bianque rules try rules.yaml --from 1d",
      "  bianque rules try rules.yaml --from 2026-01-31T12:00:00Z --to 2026-01-31T13:00:00Z --probe dropwatch",
      "  bianque rules try rules.yaml --from 2h --output json | jq '.rules[] | select(.passed_then > 0)'"
    })
final class RulesTryCommand implements Callable<Integer> {
  private static final Duration PROGRESS = Duration.ofSeconds(2);

  @Parameters(paramLabel = "FILE")
  private Path file;

  @Option(
      names = "--from",
      required = true,
      paramLabel = "TIME",
      description =
          "Events of that time or later: 30s, 10m, 2h, 1d ago, or an instant as 2026-01-31T12:00:00Z.")
  private String from;

  @Option(
      names = "--to",
      paramLabel = "TIME",
      description = "Events before that time. Default: all that are there by now.")
  private Optional<String> to = Optional.empty();

  @Option(names = "--probe", paramLabel = "PROBE", description = "Only events of that probe.")
  private Optional<String> probe = Optional.empty();

  @Mixin private Connection connection;
  @Mixin private Printed printed;
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    RuleCompiler compiler = new RuleCompiler();
    Rules rules = compiler.compile(file.toString(), RuleCompiler.text(file));
    Instant begin = instant("--from", from);
    Optional<Instant> end = to.map(text -> instant("--to", text));
    if (end.isPresent() && !begin.isBefore(end.get())) {
      throw new CommandFailed(BianqueStreams.WRONG, "--from must be before --to");
    }
    List<String> probes = probes(compiler);
    Trial trial = new Trial(rules);
    CountDownLatch ended = new CountDownLatch(1);
    try (History history = new History(connection.cluster())) {
      Thread onInterrupt = Thread.ofPlatform().unstarted(() -> end(history, ended));
      Runtime.getRuntime().addShutdownHook(onInterrupt);
      history.visit(probes, begin, end, trial, new Progress());
      Runtime.getRuntime().removeShutdownHook(onInterrupt);
      print(trial, history.unreadable());
    } catch (WakeupException interrupted) {
      return BianqueStreams.FAILED;
    } finally {
      ended.countDown();
    }
    return 0;
  }

  private List<String> probes(RuleCompiler compiler) {
    List<String> known = new ArrayList<>(compiler.schemas().keySet());
    known.sort(null);
    if (probe.isPresent() && !known.contains(probe.get())) {
      throw new CommandFailed(
          BianqueStreams.WRONG,
          "no probe '%s'%s; known: %s"
              .formatted(probe.get(), Spelling.hint(probe.get(), known), String.join(", ", known)));
    }
    return probe.map(List::of).orElse(known);
  }

  private void print(Trial trial, long unreadable) {
    PrintWriter out = spec.commandLine().getOut();
    if (printed.isJson()) {
      ObjectNode node = trial.json();
      out.println(node.put("unreadable", unreadable));
      return;
    }
    out.println(trial.text());
    if (unreadable > 0) {
      out.printf("%,d records could not be read and are not counted%n", unreadable);
    }
  }

  /** Says how far it is, when it takes long. */
  private final class Progress implements BiConsumer<Long, Long> {
    private long next = System.nanoTime() + PROGRESS.toNanos();

    @Override
    public void accept(Long read, Long total) {
      if (System.nanoTime() >= next) {
        next = System.nanoTime() + PROGRESS.toNanos();
        spec.commandLine().getErr().printf("%,d of %,d records read%n", read, total);
        spec.commandLine().getErr().flush();
      }
    }
  }

  private static Instant instant(String option, String text) {
    try {
      if (text.matches("\\d{1,9}[smhd]")) {
        long amount = Long.parseLong(text.substring(0, text.length() - 1));
        Duration ago =
            switch (text.charAt(text.length() - 1)) {
              case 's' -> Duration.ofSeconds(amount);
              case 'm' -> Duration.ofMinutes(amount);
              case 'h' -> Duration.ofHours(amount);
              default -> Duration.ofDays(amount);
            };
        return Instant.now().minus(ago);
      }
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new CommandFailed(
          BianqueStreams.WRONG,
          "%s %s is no time; write 30s, 10m, 2h, 1d, or 2026-01-31T12:00:00Z"
              .formatted(option, text));
    }
  }

  /** On Ctrl-C: lets the loop end between two batches. */
  private static void end(History history, CountDownLatch ended) {
    history.stop();
    try {
      var _ = ended.await(2, TimeUnit.SECONDS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
