package io.bianque.streams;

import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.streams.config.InvalidSettings;
import io.bianque.streams.config.Settings;
import io.bianque.streams.dns.NameSource;
import io.bianque.streams.enrich.EnrichSettings;
import io.bianque.streams.enrich.EnrichTopology;
import io.bianque.streams.metrics.StreamMetrics;
import io.bianque.streams.move.Move;
import io.bianque.streams.names.IpAddress;
import io.bianque.streams.network.InvalidNetworks;
import io.bianque.streams.network.Network;
import io.bianque.streams.network.Networks;
import io.bianque.streams.part.Part;
import io.bianque.streams.part.Shared;
import io.bianque.streams.rule.InvalidRules;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.ruleset.Cluster;
import io.bianque.streams.ruleset.LiveRules;
import io.bianque.streams.ruleset.RuleCompiler;
import io.bianque.streams.run.HttpEndpoint;
import io.bianque.streams.run.StreamTier;
import io.bianque.streams.run.TierTopology;
import io.bianque.streams.run.TopologyDrawing;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.kafka.common.KafkaException;
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
    subcommands = {
      RulesCommand.class,
      BianqueStreams.NetworksCommand.class,
      BianqueStreams.TopologyCommand.class,
      MoveCommand.class
    },
    description = "Gives raw kernel events meaning: symbols, names, states; takes known noise out.",
    footer = {
      "",
      "Examples:",
      "  bianque-streams --config streams.yaml          run it",
      "  bianque-streams --topology enrich              run a part of it alone",
      "  bianque-streams rules check rules.yaml         is this rules file right?",
      "  bianque-streams networks check networks.yaml   is this table of networks right?",
      "  bianque-streams topology                       what it is made of",
      "  bianque-streams move --from all --to enrich --to symbol-requests",
      "                                                 hand over what was done",
      "  BIANQUE_STREAMS_DNS_SERVERS=10.0.0.53 bianque-streams --config streams.yaml",
      "",
      "Exit codes: 0 stopped, 1 failed, 2 wrong usage, configuration, rules or networks."
    })
public final class BianqueStreams implements Callable<Integer> {
  static final int FAILED = 1;
  static final int WRONG = 2;

  private static final String PARTS =
      "Parts of it: enrich, symbol-requests; all of them without it (docs/streams.md).";

  @Spec private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Configuration; without it, the defaults and the environment (docs/streams.md).")
  private Path config;

  @Option(names = "--topology", paramLabel = "PART[,PART]", description = PARTS)
  private String topology;

  public static void main(String[] args) {
    if (args.length > 0 && Set.of("rules", "move").contains(args[0])) {
      // What a command prints is its result: programs read it.
      System.setProperty("logback.configurationFile", "logback-commands.xml");
    }
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new BianqueStreams())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(BianqueStreams::explain);
  }

  private static int explain(
      Exception exception, CommandLine commandLine, CommandLine.ParseResult parsed)
      throws Exception {
    int exitCode =
        switch (exception) {
          case InvalidSettings _, InvalidRules _, InvalidNetworks _, Part.Unknown _ -> WRONG;
          case CommandFailed failed -> failed.exitCode();
          case Move.Refused _,
              Cluster.Unavailable _,
              KafkaException _,
              RegistryUnreachable _,
              RegistryRefused _ ->
              FAILED;
          default -> throw exception;
        };
    commandLine.getErr().println(exception.getMessage());
    return exitCode;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Settings settings =
        Settings.load(Optional.ofNullable(config), System.getenv(), Optional.ofNullable(topology));
    // Of no other part's concern are rules and networks.
    boolean enriches = settings.topology().contains(Part.ENRICH);
    RuleCompiler compiler = new RuleCompiler();
    Rules configured =
        enriches && settings.rulesFile().isPresent()
            ? compiler.compile(
                settings.rulesFile().get().toString(),
                RuleCompiler.text(settings.rulesFile().get()),
                settings.rulesEnable(),
                settings.rulesDisable())
            : Rules.none();
    Networks networks =
        settings
            .networksFile()
            .filter(file -> enriches)
            .map(Networks::read)
            .orElse(Networks.none());
    StreamTier tier = new StreamTier(settings, new LiveRules(compiler, configured), networks);
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

  /** Commands about the table of networks. */
  @Command(
      name = "networks",
      mixinStandardHelpOptions = true,
      description = "About the table of networks (docs/streams.md).",
      footer = {"", "Example:", "  bianque-streams networks check networks.yaml 10.1.7.3"})
  static final class NetworksCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      spec.commandLine().usage(spec.commandLine().getOut());
    }

    @Command(
        mixinStandardHelpOptions = true,
        description = {
          "Checks a file: prints each mistake with its line and column; exit code 2 if there is one.",
          "Says of each address which network it is in."
        },
        footer = {"", "Example:", "  bianque-streams networks check networks.yaml 10.1.7.3"})
    int check(
        @Parameters(paramLabel = "FILE") Path file,
        @Parameters(paramLabel = "ADDRESS", arity = "0..*") List<String> addresses) {
      PrintWriter out = spec.commandLine().getOut();
      Networks networks = Networks.read(file);
      out.println(file + ": right; " + networks.size() + " networks");
      for (String text : addresses == null ? List.<String>of() : addresses) {
        IpAddress address =
            IpAddress.parse(text)
                .orElseThrow(() ->
                    new CommandLine.ParameterException(
                        spec.commandLine(), "'" + text + "' is no IP address"));
        out.println(address + ": " + where(networks.find(address)));
      }
      return 0;
    }

    private static String where(Network network) {
      return network == null
          ? "in none of them"
          : "in %s; site: %s; owner: %s"
              .formatted(
                  network.cidr(),
                  Objects.requireNonNullElse(network.site(), "not said"),
                  Objects.requireNonNullElse(network.owner(), "not said"));
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
        "  bianque-streams topology --topology enrich",
        "  bianque-streams topology --mermaid"
      })
  static final class TopologyCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Option(names = "--mermaid", description = "As a Mermaid flowchart, as in docs/topology.md.")
    private boolean mermaid;

    @Option(
        names = "--topology",
        paramLabel = "PART[,PART]",
        defaultValue = Part.ALL,
        description = PARTS)
    private String parts;

    @Override
    public void run() {
      PrintWriter out = spec.commandLine().getOut();
      TopologyDescription described = described(Part.named(parts));
      out.println(mermaid ? TopologyDrawing.mermaid(described) : described);
    }

    /** Nothing of it runs, so it needs neither schemas nor symbols. */
    static TopologyDescription described(Set<Part> parts) {
      Shared shared = new Shared(null, topic -> 0, null, new StreamMetrics());
      EnrichTopology.Needs enrichment =
          new EnrichTopology.Needs(
              EnrichSettings.defaults(),
              new NameSource.Dns(address -> null),
              Networks.none(),
              Rules::none,
              () -> {});
      return TierTopology.build(parts, shared, () -> enrichment).describe();
    }
  }
}
