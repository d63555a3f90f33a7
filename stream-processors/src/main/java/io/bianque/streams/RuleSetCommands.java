package io.bianque.streams;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.facts.RuleSet;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.ruleset.RuleCompiler;
import io.bianque.streams.ruleset.RuleSetTopic;
import io.bianque.streams.ruleset.RuleSets;
import io.bianque.streams.ruleset.RuleSets.Version;
import io.bianque.streams.ruleset.RulesDiff;
import io.bianque.streams.ruleset.Table;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands about the rule sets that were applied. */
final class RuleSetCommands {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private RuleSetCommands() {}

  /** What all of them have. */
  abstract static class RuleSetCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;
    @Mixin private Printed printed;

    PrintWriter out() {
      return spec.commandLine().getOut();
    }

    boolean isJson() {
      return printed.isJson();
    }

    @Override
    public Integer call() throws InterruptedException {
      try (RuleSetTopic topic = new RuleSetTopic(connection.cluster())) {
        run(topic, topic.read());
      }
      return 0;
    }

    abstract void run(RuleSetTopic topic, RuleSets sets) throws InterruptedException;
  }

  /** What the commands that add a version have. */
  abstract static class Adding extends RuleSetCommand {
    @Option(names = "--note", paramLabel = "TEXT", description = "Why, for people.")
    private String note;

    @Option(
        names = "--replaces",
        paramLabel = "VERSION",
        description =
            "The version that is meant to be replaced; refused when another one is active by now.")
    private Optional<Integer> replaces = Optional.empty();

    @Option(
        names = "--dry-run",
        description = "Checks and says what would change, and changes nothing.")
    private boolean dryRun;

    /** Adds a version, unless its text is active already. */
    void add(RuleSetTopic topic, RuleSets sets, RuleSet set) throws InterruptedException {
      int replaced = sets.newest(); // reading on makes it another
      if (replaces.isPresent() && replaces.get() != replaced) {
        throw overtaken(replaces.get(), sets.active());
      }
      String before = sets.active().map(RuleSetCommands::textOrNothing).orElse("");
      if (before.equals(set.getText())) {
        print(set, replaced, Optional.empty());
        return;
      }
      set.setVersion(replaced + 1);
      set.setNote(note);
      RulesDiff diff = RulesDiff.of(before, set.getText());
      if (!dryRun) {
        switch (topic.apply(set)) {
          case RuleSetTopic.Outcome.Applied _ -> {}
          case RuleSetTopic.Outcome.Overtaken(Version by) ->
              throw overtaken(replaced, Optional.of(by));
        }
      }
      print(set, replaced, Optional.of(diff));
    }

    private void print(RuleSet set, int replaced, Optional<RulesDiff> diff) {
      boolean applied = diff.isPresent() && !dryRun;
      if (isJson()) {
        ObjectNode node =
            NODES
                .objectNode()
                .put("applied", applied)
                .put("version", diff.isPresent() ? set.getVersion() : replaced)
                .put("rules_version", set.getRulesVersion());
        if (diff.isPresent()) {
          node.put("replaces", replaced);
          RuleSetCommands.put(node, diff.get());
        }
        out().println(node);
      } else if (diff.isEmpty()) {
        out().printf("version %d is active and the same: nothing to do%n", replaced);
      } else {
        diff.get().changes().forEach(change -> RuleSetCommands.print(out(), change));
        out()
            .printf(
                "version %d %s%s: %s%n",
                set.getVersion(),
                dryRun ? "would be active" : "is active",
                replaced == 0
                    ? ", the first; until now each process had its configuration's rules"
                    : " and replaces " + replaced,
                diff.get().summary());
      }
    }
  }

  @Command(
      name = "apply",
      mixinStandardHelpOptions = true,
      description = {
        "Checks a rules file and puts it to work in every process of the stream tier, within two seconds and without a",
        "restart. With one mistake in it nothing is applied, and the exit code is 2."
      },
      footer = {
        "",
        "Examples:",
        "  bianque rules apply rules.yaml --note 'noise of the new switches'",
        "  bianque rules apply rules.yaml --dry-run",
        "  bianque rules apply rules.yaml --replaces 7"
      })
  static final class Apply extends Adding {
    @Parameters(paramLabel = "FILE")
    private Path file;

    private String text;
    private Rules rules;

    @Override
    public Integer call() throws InterruptedException {
      text = RuleCompiler.text(file);
      rules = new RuleCompiler().compile(file.toString(), text);
      return super.call();
    }

    @Override
    void run(RuleSetTopic topic, RuleSets sets) throws InterruptedException {
      rules.requireRoutes(topic::topics);
      add(topic, sets, set(text, rules, file.getFileName().toString()));
    }
  }

  @Command(
      name = "rollback",
      mixinStandardHelpOptions = true,
      description = {
        "Applies an earlier version again, as a new version. Without a number the one before what is in force: said",
        "twice, it goes back two."
      },
      footer = {"", "Examples:", "  bianque rules rollback", "  bianque rules rollback 3"})
  static final class Rollback extends Adding {
    @Parameters(paramLabel = "VERSION", arity = "0..1")
    private Optional<Integer> version = Optional.empty();

    @Override
    void run(RuleSetTopic topic, RuleSets sets) throws InterruptedException {
      RuleSet to = readable(version.map(each -> find(sets, each)).orElseGet(() -> before(sets)));
      // It was right when it was applied; rules of today may want more.
      Rules rules = new RuleCompiler().compile(to.getFile(), to.getText());
      rules.requireRoutes(topic::topics);
      RuleSet set = set(to.getText(), rules, to.getFile());
      set.setRestores(origin(to));
      add(topic, sets, set);
    }

    private static Version before(RuleSets sets) {
      int inForce =
          switch (active(sets)) {
            case Version.Known(int _, RuleSet set) -> origin(set);
            case Version.Unreadable(int number, String _) -> number;
          };
      return sets.before(inForce)
          .orElseThrow(() ->
              new CommandFailed(
                  BianqueStreams.FAILED, "there is no version before version " + inForce));
    }

    private static int origin(RuleSet set) {
      return set.getRestores() == null ? set.getVersion() : set.getRestores();
    }
  }

  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description =
          "Lists all versions that were applied, the newest first, which is the active one.",
      footer = {"", "Example:", "  bianque rules list --output json"})
  static final class History extends RuleSetCommand {
    @Override
    void run(RuleSetTopic topic, RuleSets sets) {
      if (isJson()) {
        sets.newestFirst().forEach(each -> out().println(json(each, sets)));
        return;
      }
      if (sets.newest() == 0) {
        out().println("nothing has been applied: each process has its configuration's rules");
        return;
      }
      List<List<String>> rows = new ArrayList<>();
      rows.add(List.of("VERSION", "", "APPLIED", "BY", "RULES VERSION", "NOTE"));
      for (Version version : sets.newestFirst()) {
        String number = Integer.toString(version.number());
        String active = version.number() == sets.newest() ? "active" : "";
        rows.add(
            switch (version) {
              case Version.Known(int _, RuleSet set) ->
                  List.of(
                      number,
                      active,
                      set.getAppliedAt().truncatedTo(ChronoUnit.SECONDS).toString(),
                      set.getAppliedBy(),
                      set.getRulesVersion(),
                      (set.getRestores() == null ? "" : "rollback to " + set.getRestores() + " ")
                          + (set.getNote() == null ? "" : set.getNote()));
              case Version.Unreadable(int _, String why) ->
                  List.of(number, active, "", "", "", "cannot be read: " + why);
            });
      }
      Table.lines(rows).forEach(out()::println);
    }
  }

  @Command(
      name = "show",
      mixinStandardHelpOptions = true,
      description = "Prints the rules file of a version as it was applied.",
      footer = {"", "Examples:", "  bianque rules show", "  bianque rules show 7 > rules.yaml"})
  static final class Show extends RuleSetCommand {
    @Parameters(
        paramLabel = "VERSION",
        arity = "0..1",
        description = "As list shows it. Default: the active one.")
    private Optional<Integer> version = Optional.empty();

    @Override
    void run(RuleSetTopic topic, RuleSets sets) {
      Version found = version.map(each -> find(sets, each)).orElseGet(() -> active(sets));
      RuleSet set = readable(found);
      if (isJson()) {
        out().println(json(found, sets).put("text", set.getText()));
      } else {
        out().print(set.getText());
        out().flush();
      }
    }
  }

  @Command(
      name = "diff",
      mixinStandardHelpOptions = true,
      description = {
        "Says which rules were added, removed or changed. Without arguments: by the active version; with one version:",
        "between it and the active one; with a file: what applying it would change."
      },
      footer = {
        "",
        "Examples:",
        "  bianque rules diff",
        "  bianque rules diff 5 7",
        "  bianque rules diff rules.yaml"
      })
  static final class Diff extends RuleSetCommand {
    @Parameters(paramLabel = "VERSION|FILE", arity = "0..2")
    private List<String> sides = List.of();

    private record Side(String name, String text) {}

    @Override
    void run(RuleSetTopic topic, RuleSets sets) {
      Side from;
      Side to;
      if (sides.size() == 2) {
        from = side(sides.get(0), sets);
        to = side(sides.get(1), sets);
      } else if (sides.size() == 1 && isNumber(sides.getFirst())) {
        from = side(sides.getFirst(), sets);
        to = side(active(sets));
      } else if (sides.size() == 1) {
        from = sets.active().map(Diff::side).orElse(new Side("nothing", ""));
        to = side(sides.getFirst(), sets);
      } else {
        to = side(active(sets));
        from = sets.before(sets.newest()).map(Diff::side).orElse(new Side("nothing", ""));
      }
      RulesDiff diff = RulesDiff.of(from.text(), to.text());
      if (isJson()) {
        ObjectNode node = NODES.objectNode().put("from", from.name()).put("to", to.name());
        RuleSetCommands.put(node, diff);
        out().println(node);
      } else {
        diff.changes().forEach(change -> RuleSetCommands.print(out(), change));
        out().println(from.name() + " → " + to.name() + ": " + diff.summary());
      }
    }

    private static boolean isNumber(String side) {
      return side.matches("\\d{1,9}");
    }

    private static Side side(String name, RuleSets sets) {
      if (isNumber(name)) {
        return side(find(sets, Integer.parseInt(name)));
      }
      String text = RuleCompiler.text(Path.of(name));
      var _ = new RuleCompiler().compile(name, text);
      return new Side(name, text);
    }

    private static Side side(Version version) {
      return new Side("version " + version.number(), readable(version).getText());
    }
  }

  /** Its version, note and what it restores are the caller's. */
  private static RuleSet set(String text, Rules rules, String file) {
    return new RuleSet(
        0, text, rules.version(), file, Instant.now(), System.getProperty("user.name"), null, null);
  }

  private static CommandFailed overtaken(int expected, Optional<Version> by) {
    String whose =
        switch (by.orElse(null)) {
          case null -> "nothing has been applied";
          case Version.Known(int number, RuleSet set) ->
              "version %d was applied meanwhile by %s at %s%s"
                  .formatted(
                      number,
                      set.getAppliedBy(),
                      set.getAppliedAt().truncatedTo(ChronoUnit.SECONDS),
                      set.getNote() == null ? "" : " (" + set.getNote() + ")");
          case Version.Unreadable(int number, String _) ->
              "version " + number + " was applied meanwhile";
        };
    return new CommandFailed(
        BianqueStreams.FAILED,
        "nothing is changed: %s, and this was to replace version %d; look at `bianque rules diff`, and apply again"
            .formatted(whose, expected));
  }

  private static Version find(RuleSets sets, int number) {
    return sets.version(number)
        .orElseThrow(() ->
            new CommandFailed(
                BianqueStreams.FAILED,
                "there is no version " + number + "; `bianque rules list` shows them"));
  }

  private static Version active(RuleSets sets) {
    return sets.active()
        .orElseThrow(() -> new CommandFailed(BianqueStreams.FAILED, "nothing has been applied"));
  }

  private static RuleSet readable(Version version) {
    return switch (version) {
      case Version.Known(int _, RuleSet set) -> set;
      case Version.Unreadable(int number, String why) ->
          throw new CommandFailed(
              BianqueStreams.FAILED, "version " + number + " cannot be read: " + why);
    };
  }

  private static String textOrNothing(Version version) {
    return version instanceof Version.Known(int _, RuleSet set) ? set.getText() : "";
  }

  private static ObjectNode json(Version version, RuleSets sets) {
    ObjectNode node =
        NODES
            .objectNode()
            .put("version", version.number())
            .put("active", version.number() == sets.newest());
    return switch (version) {
      case Version.Known(int _, RuleSet set) ->
          node.put("applied_at", set.getAppliedAt().toString())
              .put("applied_by", set.getAppliedBy())
              .put("rules_version", set.getRulesVersion())
              .put("file", set.getFile())
              .put("note", set.getNote())
              .put("restores", set.getRestores());
      case Version.Unreadable(int _, String why) -> node.put("unreadable", why);
    };
  }

  private static void put(ObjectNode node, RulesDiff diff) {
    node.put("reordered", diff.reordered());
    ArrayNode changes = node.putArray("changes");
    for (RulesDiff.Change change : diff.changes()) {
      changes
          .addObject()
          .put("rule", change.rule())
          .put("change", change.kind())
          .put("before", change.before().orElse(null))
          .put("after", change.after().orElse(null));
    }
  }

  private static void print(PrintWriter out, RulesDiff.Change change) {
    out.println(change.kind() + " " + change.rule());
    change.lines().forEach(line -> out.println("  " + line));
  }
}
