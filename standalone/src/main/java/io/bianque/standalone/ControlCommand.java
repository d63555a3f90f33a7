package io.bianque.standalone;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlOutcome;
import io.bianque.facts.ControlRequest;
import io.bianque.facts.ControlResult;
import io.bianque.facts.ControlSelector;
import io.bianque.facts.HostFacts;
import io.bianque.schemas.control.HostTraits;
import io.bianque.standalone.control.ControlTopics;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Asks agents for something, and shows what becomes of it. */
@Command(
    name = "control",
    description =
        "Starts, stops and tunes probes on running agents for a while, within the limits that each agent's own"
            + " configuration sets, and shows what each host answers.",
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque control stop dropwatch --all --for 5m",
      "  ./bianque control tune dropwatch --host 4c4c4544-0042 --set max_events_per_second=500",
      "  ./bianque control start perf --label role=db --kernel '6.1.*' --for 30s",
      "  ./bianque control reset dropwatch --all",
      "  ./bianque control list",
      "  ./bianque control withdraw 5f0c2a9e"
    },
    mixinStandardHelpOptions = true)
public final class ControlCommand implements Runnable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Requests are taken out of the topic that long after their time; clocks differ. */
  private static final Duration KEPT = Duration.ofHours(1);

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "What? start, stop, tune, reset, list or withdraw; see --help");
  }

  private static ControlTopics open(Connection connection) throws IOException {
    Connection.Addresses at = connection.addresses();
    return new ControlTopics(at.bootstrapServers(), at.registry());
  }

  /** Which hosts. */
  static final class Hosts {
    @Option(
        names = "--host",
        paramLabel = "ID",
        description = "A host, by its id; may be repeated: each of them.")
    private List<String> ids = List.of();

    @Option(
        names = "--label",
        paramLabel = "NAME=VALUE",
        description = "Hosts with that label in their agent's configuration; may be repeated.")
    private Map<String, String> labels = Map.of();

    @Option(
        names = "--kernel",
        paramLabel = "PATTERN",
        description = "Hosts with such a kernel release: '6.1.*'.")
    private String kernel;

    @Option(names = "--all", description = "Every host.")
    private boolean all;

    ControlSelector selector() {
      boolean some = !ids.isEmpty() || !labels.isEmpty() || kernel != null;
      if (some == all) {
        throw new UserError(
            ExitCode.USAGE,
            "which hosts? --host, --label and --kernel (all that are given must hold), or --all");
      }
      return new ControlSelector(ids, labels, kernel);
    }
  }

  /** For how long a request holds. */
  static final class Period {
    @Option(
        names = "--for",
        paramLabel = "TIME",
        description = "How long: 30s, 10m, 1h. Default: 10m.")
    private String length = "10m";

    Duration length() {
      return duration("--for", length);
    }
  }

  /** How to wait for answers and show them. */
  static final class Answers {
    @Option(
        names = "--wait",
        paramLabel = "TIME",
        description = "How long to wait for answers: 500ms, 10s, 2m. Default: 10s.")
    private String wait = "10s";

    @Option(
        names = "--output",
        description = "${COMPLETION-CANDIDATES}. JSON is one object a line. Default: text.")
    private Output output = Output.TEXT;

    Duration limit() {
      return duration("--wait", wait);
    }
  }

  @Command(
      name = "start",
      description = "Runs a probe, with these tunables over its configured ones.",
      mixinStandardHelpOptions = true)
  int start(
      @Parameters(paramLabel = "PROBE") String probe,
      @Mixin Hosts hosts,
      @Option(
              names = "--set",
              paramLabel = "NAME=VALUE",
              description = "A tunable of the probe; may be repeated.")
          Map<String, String> tunables,
      @Mixin Period period,
      @Mixin Answers answers,
      @Mixin Connection connection)
      throws IOException, InterruptedException {
    return send(ControlAction.START, probe, hosts, tunables, period, answers, connection);
  }

  @Command(name = "stop", description = "Stops a probe.", mixinStandardHelpOptions = true)
  int stop(
      @Parameters(paramLabel = "PROBE") String probe,
      @Mixin Hosts hosts,
      @Mixin Period period,
      @Mixin Answers answers,
      @Mixin Connection connection)
      throws IOException, InterruptedException {
    return send(ControlAction.STOP, probe, hosts, Map.of(), period, answers, connection);
  }

  @Command(
      name = "tune",
      description =
          "Sets tunables of a probe. One that runs is loaded anew with them, and begins a new epoch.",
      mixinStandardHelpOptions = true)
  int tune(
      @Parameters(paramLabel = "PROBE") String probe,
      @Mixin Hosts hosts,
      @Option(
              names = "--set",
              required = true,
              paramLabel = "NAME=VALUE",
              description = "A tunable of the probe; may be repeated.")
          Map<String, String> tunables,
      @Mixin Period period,
      @Mixin Answers answers,
      @Mixin Connection connection)
      throws IOException, InterruptedException {
    return send(ControlAction.TUNE, probe, hosts, tunables, period, answers, connection);
  }

  @Command(
      name = "reset",
      description =
          "Sends a probe back to each agent's own configuration, whatever was asked before.",
      mixinStandardHelpOptions = true)
  int reset(
      @Parameters(paramLabel = "PROBE") String probe,
      @Mixin Hosts hosts,
      @Mixin Answers answers,
      @Mixin Connection connection)
      throws IOException, InterruptedException {
    ControlTopics topics = open(connection);
    // It has to outlast what it sets aside, and no more.
    Instant now = Instant.now();
    Optional<Instant> last =
        topics.requests().values().stream()
            .filter(each -> each.getProbe().equals(probe))
            .map(ControlCommand::end)
            .filter(end -> end.isAfter(now))
            .max(Instant::compareTo);
    if (last.isEmpty()) {
      out().println("no request for probe " + probe + " holds anywhere: nothing to reset");
      return ExitCode.OK;
    }
    Duration length = Duration.between(now, last.get()).plusSeconds(1);
    return send(
        topics, request(ControlAction.RESET, probe, hosts.selector(), Map.of(), length), answers);
  }

  @Command(
      name = "list",
      description = "Shows the requests whose time is not over.",
      mixinStandardHelpOptions = true)
  int list(
      @Option(
              names = "--output",
              defaultValue = "TEXT",
              description = "${COMPLETION-CANDIDATES}. JSON is one object a line. Default: text.")
          Output output,
      @Mixin Connection connection)
      throws IOException {
    Instant now = Instant.now();
    List<ControlRequest> holding =
        open(connection).requests().values().stream()
            .filter(each -> end(each).isAfter(now))
            .toList();
    if (output == Output.JSON) {
      holding.forEach(each -> out().println(json(each)));
      return ExitCode.OK;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("REQUEST", "ACTION", "PROBE", "TUNABLES", "HOSTS", "BY", "ENDS IN"));
    holding.forEach(each ->
        rows.add(
            List.of(
                each.getRequestId(),
                word(each.getAction()),
                each.getProbe(),
                pairs(each.getTunables()),
                words(each.getSelector()),
                each.getSentBy(),
                Duration.between(now, end(each)).toSeconds() + " s")));
    Text.table(rows).forEach(out()::println);
    return ExitCode.OK;
  }

  @Command(
      name = "withdraw",
      description = "Ends a request before its time.",
      mixinStandardHelpOptions = true)
  int withdraw(
      @Parameters(paramLabel = "REQUEST", description = "Its id, as list shows it.") String id,
      @Mixin Answers answers,
      @Mixin Connection connection)
      throws IOException, InterruptedException {
    ControlTopics topics = open(connection);
    ControlRequest request = topics.requests().get(id);
    if (request == null) {
      throw new UserError(
          ExitCode.FAILED, "no request " + id + "; ./bianque control list has those that hold");
    }
    Map<String, HostFacts> expected = expected(topics, request.getSelector());
    try (ControlTopics.Outcomes outcomes = topics.outcomes()) {
      topics.withdraw(List.of(id));
      return follow(outcomes, id, expected, answers);
    }
  }

  private int send(
      ControlAction action,
      String probe,
      Hosts hosts,
      Map<String, String> tunables,
      Period period,
      Answers answers,
      Connection connection)
      throws IOException, InterruptedException {
    ControlRequest request =
        request(
            action,
            probe,
            hosts.selector(),
            tunables == null ? Map.of() : tunables,
            period.length());
    var _ = answers.limit();
    return send(open(connection), request, answers);
  }

  private int send(ControlTopics topics, ControlRequest request, Answers answers)
      throws InterruptedException {
    topics.withdraw(over(topics.requests()));
    Map<String, HostFacts> expected = expected(topics, request.getSelector());
    try (ControlTopics.Outcomes outcomes = topics.outcomes()) {
      topics.send(request);
      if (answers.output == Output.TEXT) {
        out()
            .printf(
                "request %s: %s %s%s on %s, for %d s%n",
                request.getRequestId(),
                word(request.getAction()),
                request.getProbe(),
                request.getTunables().isEmpty() ? "" : " " + pairs(request.getTunables()),
                words(request.getSelector()),
                request.getValidForMs() / 1000);
        out().flush();
      }
      return follow(outcomes, request.getRequestId(), expected, answers);
    }
  }

  /** Requests that no agent needs to know of any more. */
  private static List<String> over(Map<String, ControlRequest> requests) {
    Instant before = Instant.now().minus(KEPT);
    return requests.values().stream()
        .filter(each -> end(each).isBefore(before))
        .map(ControlRequest::getRequestId)
        .toList();
  }

  /** Prints what comes until all that are known have answered, or the time is over. */
  private int follow(
      ControlTopics.Outcomes outcomes,
      String id,
      Map<String, HostFacts> expected,
      Answers answers) {
    Map<String, HostFacts> silent = new LinkedHashMap<>(expected);
    int answered = 0;
    int bad = 0;
    long until = System.nanoTime() + answers.limit().toNanos();
    while (System.nanoTime() - until < 0 && (answered == 0 || !silent.isEmpty())) {
      for (ControlOutcome each : outcomes.next()) {
        if (each.getRequestId().equals(id)) {
          answered++;
          silent.remove(each.getHostId());
          bad += isBad(each.getOutcome()) ? 1 : 0;
          out().println(answers.output == Output.JSON ? json(each) : text(each));
          out().flush();
        }
      }
    }
    silent.values().forEach(host -> out().println(noAnswer(host, answers)));
    if (answered == 0 && expected.isEmpty()) {
      spec.commandLine()
          .getErr()
          .println("bianque: no host answered, and none that is known is meant by it");
    }
    return bad > 0 || answered == 0 ? ExitCode.FAILED : ExitCode.OK;
  }

  private static boolean isBad(ControlResult result) {
    return switch (result) {
      case REFUSED, FAILED -> true;
      case APPLIED, EXPIRED, ENDED -> false;
    };
  }

  private static Map<String, HostFacts> expected(ControlTopics topics, ControlSelector selector) {
    return topics.hosts().values().stream()
        .filter(each ->
            new HostTraits(each.getHostId(), each.getLabels(), each.getKernelRelease())
                .selectedBy(selector))
        .collect(
            Collectors.toMap(HostFacts::getHostId, each -> each, (a, _) -> a, LinkedHashMap::new));
  }

  private static ControlRequest request(
      ControlAction action,
      String probe,
      ControlSelector selector,
      Map<String, String> tunables,
      Duration length) {
    byte[] id = new byte[4];
    new SecureRandom().nextBytes(id);
    return new ControlRequest(
        HexFormat.of().formatHex(id),
        Instant.now(),
        System.getProperty("user.name"),
        selector,
        probe,
        action,
        tunables,
        length.toMillis());
  }

  private static Instant end(ControlRequest request) {
    return request.getSentAt().plusMillis(request.getValidForMs());
  }

  private static String text(ControlOutcome outcome) {
    return "%s  %s  %s%s%s%s"
        .formatted(
            outcome.getHostName(),
            outcome.getHostId(),
            word(outcome.getOutcome()),
            outcome.getProbeState() == null ? "" : ", probe " + outcome.getProbeState(),
            outcome.getEndsAt() == null
                ? ""
                : ", until " + outcome.getEndsAt().truncatedTo(ChronoUnit.SECONDS),
            outcome.getReason() == null ? "" : ": " + outcome.getReason());
  }

  private static String noAnswer(HostFacts host, Answers answers) {
    if (answers.output == Output.JSON) {
      return JSON.createObjectNode()
          .put("host_id", host.getHostId())
          .put("host_name", host.getHostName())
          .put("outcome", "no answer")
          .put("last_heard", host.getObservedAt().toString())
          .toString();
    }
    return "%s  %s  no answer (its agent was last heard of %s ago)"
        .formatted(host.getHostName(), host.getHostId(), Text.age(host.getObservedAt()));
  }

  private static String json(ControlOutcome outcome) {
    return JSON.createObjectNode()
        .put("request_id", outcome.getRequestId())
        .put("host_id", outcome.getHostId())
        .put("host_name", outcome.getHostName())
        .put("time", outcome.getTime().toString())
        .put("probe", outcome.getProbe())
        .put("outcome", word(outcome.getOutcome()))
        .put("reason", outcome.getReason())
        .put("probe_state", outcome.getProbeState())
        .put("ends_at", outcome.getEndsAt() == null ? null : outcome.getEndsAt().toString())
        .toString();
  }

  private static String json(ControlRequest request) {
    ObjectNode node = JSON.createObjectNode();
    node.put("request_id", request.getRequestId());
    node.put("sent_at", request.getSentAt().toString());
    node.put("sent_by", request.getSentBy());
    node.put("action", word(request.getAction()));
    node.put("probe", request.getProbe());
    ObjectNode tunables = node.putObject("tunables");
    request.getTunables().forEach(tunables::put);
    node.put("hosts", words(request.getSelector()));
    node.put("ends_at", end(request).toString());
    return node.toString();
  }

  private static String word(Enum<?> symbol) {
    return symbol.name().toLowerCase(Locale.ROOT);
  }

  private static String pairs(Map<String, String> pairs) {
    return pairs.entrySet().stream()
        .map(each -> each.getKey() + "=" + each.getValue())
        .sorted()
        .collect(Collectors.joining(" "));
  }

  private static String words(ControlSelector selector) {
    List<String> words = new ArrayList<>();
    if (!selector.getHostIds().isEmpty()) {
      words.add("host " + String.join(" or ", selector.getHostIds()));
    }
    if (!selector.getLabels().isEmpty()) {
      words.add("label " + pairs(selector.getLabels()));
    }
    if (selector.getKernel() != null) {
      words.add("kernel " + selector.getKernel());
    }
    return words.isEmpty() ? "all hosts" : String.join(", ", words);
  }

  private static Duration duration(String option, String text) {
    if (text.matches("[1-9][0-9]{0,6}(ms|s|m|h)")) {
      long number = Long.parseLong(text.replaceAll("\\D", ""));
      return switch (text.replaceAll("\\d", "")) {
        case "ms" -> Duration.ofMillis(number);
        case "s" -> Duration.ofSeconds(number);
        case "m" -> Duration.ofMinutes(number);
        default -> Duration.ofHours(number);
      };
    }
    throw new UserError(
        ExitCode.USAGE, option + " " + text + " is no length of time; write 500ms, 30s, 10m or 1h");
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
