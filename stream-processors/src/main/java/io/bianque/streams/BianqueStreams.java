package io.bianque.streams;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.streams.config.InvalidSettings;
import io.bianque.streams.config.Settings;
import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.enrich.EnrichSettings;
import io.bianque.streams.enrich.EnrichTopology;
import io.bianque.streams.metrics.StreamMetrics;
import io.bianque.streams.rule.InvalidRules;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.rule.Verdict;
import io.bianque.streams.rule.Verdicts;
import io.bianque.streams.rule.WrittenEvent;
import io.bianque.streams.run.HttpEndpoint;
import io.bianque.streams.run.StreamTier;
import io.bianque.streams.run.TopologyDrawing;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.avro.Schema;
import org.apache.kafka.streams.TopologyDescription;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands of the stream tier. */
@Command(
    name = "bianque-streams",
    mixinStandardHelpOptions = true,
    subcommands = {BianqueStreams.RulesCommand.class, BianqueStreams.TopologyCommand.class},
    description = "Gives raw kernel events meaning: symbols, names, states; takes known noise out.",
    footer = {
      "",
      "Examples:",
      "  bianque-streams --config streams.yaml          run it",
      "  bianque-streams rules check rules.yaml         is this rules file right?",
      "  bianque-streams topology                       what it is made of",
      "  BIANQUE_STREAMS_DNS_SERVERS=10.0.0.53 bianque-streams --config streams.yaml",
      "",
      "Exit codes: 0 stopped, 1 failed, 2 wrong usage, configuration or rules."
    })
public final class BianqueStreams implements Callable<Integer> {
  private static final int FAILED = 1;
  private static final int WRONG = 2;

  @Spec private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Configuration; without it, the defaults and the environment (docs/streams.md).")
  private Path config;

  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new BianqueStreams())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler((e, line, parsed) -> {
          if (e instanceof InvalidSettings || e instanceof InvalidRules) {
            line.getErr().println(e.getMessage());
            return WRONG;
          }
          throw e;
        });
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Settings settings = Settings.load(Optional.ofNullable(config), System.getenv());
    Rules rules =
        settings.rulesFile().isPresent()
            ? rules(settings.rulesFile().get(), settings.rulesEnable(), settings.rulesDisable())
            : Rules.none();
    StreamTier tier = new StreamTier(settings, rules);
    try (HttpEndpoint http = new HttpEndpoint(settings.httpPort(), tier)) {
      spec.commandLine()
          .getOut()
          .println("http://127.0.0.1:" + http.port() + "/health tells how it is");
      Thread stop = new Thread(tier::close, "bianque-stop");
      Runtime.getRuntime().addShutdownHook(stop);
      tier.start();
      return tier.awaitEnd() ? FAILED : 0;
    }
  }

  /**
   * Reads and checks a rules file.
   *
   * @throws InvalidRules with everything that is wrong with it
   */
  private static Rules rules(Path file, Set<String> enable, Set<String> disable) {
    String text;
    try {
      text = Files.readString(file);
    } catch (IOException e) {
      throw new InvalidRules(
          List.of(new InvalidRules.Mistake(file.toString(), 1, 1, null, "cannot be read: " + e)));
    }
    return Rules.of(file.toString(), text, enrichedSchemas(), enable, disable);
  }

  private static Map<String, Schema> enrichedSchemas() {
    Catalogue catalogue = Catalogue.load();
    Map<String, Schema> schemas = new HashMap<>();
    for (String probe : catalogue.probes()) {
      schemas.put(probe, EnrichedSchema.of(catalogue.schema(catalogue.topic(Topics.raw(probe)))));
    }
    return schemas;
  }

  /** Commands about rules. */
  @Command(
      name = "rules",
      mixinStandardHelpOptions = true,
      description = "About rules files (docs/rules.md).",
      footer = {
        "",
        "Examples:",
        "  bianque-streams rules check rules.yaml",
        "  bianque-streams rules explain --rules rules.yaml event.json"
      })
  static final class RulesCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      spec.commandLine().usage(spec.commandLine().getOut());
    }

    @Command(
        mixinStandardHelpOptions = true,
        description =
            "Checks a file and runs the tests in it: prints each mistake with its line and column; exit code 2 if there is one.",
        footer = {"", "Example:", "  bianque-streams rules check rules.yaml"})
    int check(
        @Parameters(paramLabel = "FILE") Path file,
        @Option(
                names = "--verbose",
                description = "Says too which rules are interpreted, which is slow, and why.")
            boolean verbose) {
      PrintWriter out = spec.commandLine().getOut();
      Rules rules = rules(file, new LinkedHashSet<>(), new LinkedHashSet<>());
      out.println(file + ": right; version " + rules.version() + "; applies: " + rules.names());
      if (verbose) {
        rules
            .interpreted()
            .forEach((rule, why) -> out.println("rule '" + rule + "' is interpreted: " + why));
      }
      return 0;
    }

    /** How the explanation is printed. */
    enum Output {
      TEXT,
      JSON
    }

    @Command(
        mixinStandardHelpOptions = true,
        description = {
          "Says of each rule of the event's probe whether it holds for the event, does not, or has no answer; what each",
          "part of its condition is; and which rule takes the event out: the first that holds."
        },
        footer = {
          "",
          "Examples:",
          "  bianque tail enriched.dropwatch --count 1 --output json | bianque rules explain --rules rules.yaml -",
          "  bianque rules explain --rules rules.yaml --probe dropwatch event.json --output json"
        })
    int explain(
        @Option(names = "--rules", required = true, paramLabel = "FILE", description = "The rules.")
            Path file,
        @Option(
                names = "--probe",
                description = "Whose event it is. Default: as the topic in it says.")
            Optional<String> probe,
        @Option(
                names = "--output",
                defaultValue = "text",
                description = "${COMPLETION-CANDIDATES}. Default: text.")
            Output output,
        @Parameters(
                paramLabel = "EVENT.json",
                description =
                    "An enriched event as `bianque tail --output json` prints it; -: standard input.")
            String event) {
      Map<String, Schema> schemas = enrichedSchemas();
      Rules rules = rules(file, new LinkedHashSet<>(), new LinkedHashSet<>());
      WrittenEvent written = WrittenEvent.parse(event, text(event), probe, schemas);
      List<Verdict> verdicts = rules.explain(written.probe(), written.event());
      spec.commandLine()
          .getOut()
          .println(output == Output.JSON ? Verdicts.json(verdicts) : Verdicts.text(verdicts));
      return 0;
    }

    private static String text(String file) {
      try {
        return file.equals("-")
            ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
            : Files.readString(Path.of(file));
      } catch (IOException e) {
        throw new InvalidRules(
            List.of(new InvalidRules.Mistake(file, 1, 1, null, "cannot be read: " + e)));
      }
    }
  }

  /** Prints what the topology is made of. */
  @Command(
      name = "topology",
      mixinStandardHelpOptions = true,
      description = "Prints the topology: sources, processors, stores, sinks.",
      footer = {
        "",
        "Examples:",
        "  bianque-streams topology",
        "  bianque-streams topology --mermaid"
      })
  static final class TopologyCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Option(names = "--mermaid", description = "As a Mermaid flowchart, as in docs/topology.md.")
    private boolean mermaid;

    @Override
    public void run() {
      PrintWriter out = spec.commandLine().getOut();
      if (mermaid) {
        out.println(TopologyDrawing.mermaid(described()));
      } else {
        out.println(described());
      }
    }

    /** Nothing of it runs, so it needs neither schemas nor symbols. */
    static TopologyDescription described() {
      EnrichTopology.Parts parts =
          new EnrichTopology.Parts(
              EnrichSettings.defaults(),
              null,
              0,
              0,
              0,
              null,
              address -> new ReverseNames.Answer.Nameless(),
              Rules.none(),
              new StreamMetrics(),
              () -> {});
      return EnrichTopology.build(parts).describe();
    }
  }
}
