package io.bianque.streams;

import io.bianque.streams.rule.InvalidRules;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.rule.Verdicts;
import io.bianque.streams.rule.WrittenEvent;
import io.bianque.streams.ruleset.RuleCompiler;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands about rules; here those that need no broker. */
@Command(
    name = "rules",
    mixinStandardHelpOptions = true,
    subcommands = {
      RuleSetCommands.Apply.class,
      RuleSetCommands.Rollback.class,
      RuleSetCommands.History.class,
      RuleSetCommands.Show.class,
      RuleSetCommands.Diff.class,
      RulesTryCommand.class
    },
    description = "Rules files: checks and tries them, and puts them to work (docs/rules.md).",
    footer = {
      "",
      "Examples:",
      "  bianque rules check rules.yaml",
      "  bianque rules explain --rules rules.yaml event.json",
      "  bianque rules try rules.yaml --from 1d",
      "  bianque rules apply rules.yaml --note 'noise of the new switches'",
      "  bianque rules list",
      "  bianque rules rollback"
    })
final class RulesCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Checks a file and runs the tests in it: prints each mistake with its line and column; exit code 2 if there is one.",
      footer = {"", "Example:", "  bianque rules check rules.yaml"})
  int check(
      @Parameters(paramLabel = "FILE") Path file,
      @Option(
              names = "--verbose",
              description = "Says too which rules are interpreted, which is slow, and why.")
          boolean verbose) {
    PrintWriter out = spec.commandLine().getOut();
    Rules rules = new RuleCompiler().compile(file.toString(), RuleCompiler.text(file));
    out.println(file + ": right; version " + rules.version() + "; applies: " + rules.names());
    if (verbose) {
      rules
          .interpreted()
          .forEach((rule, why) -> out.println("rule '" + rule + "' is interpreted: " + why));
    }
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Says of each rule of the event's probe whether it holds for the event, does not, or has no answer; what each",
        "part of its condition is; and what becomes of the event."
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
              paramLabel = "PROBE",
              description = "Whose event it is. Default: as the topic in it says.")
          Optional<String> probe,
      @Mixin Printed printed,
      @Parameters(
              paramLabel = "EVENT.json",
              description =
                  "An enriched event as `bianque tail --output json` prints it; -: standard input.")
          String event) {
    RuleCompiler compiler = new RuleCompiler();
    Rules rules = compiler.compile(file.toString(), RuleCompiler.text(file));
    WrittenEvent written = WrittenEvent.parse(event, text(event), probe, compiler.schemas());
    Verdicts verdicts = rules.explain(written.probe(), written.event());
    spec.commandLine().getOut().println(printed.isJson() ? verdicts.json() : verdicts.text());
    return 0;
  }

  private static String text(String file) {
    if (!file.equals("-")) {
      return RuleCompiler.text(Path.of(file));
    }
    try {
      return new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new InvalidRules(
          List.of(new InvalidRules.Mistake(file, 1, 1, null, "cannot be read: " + e)));
    }
  }
}
