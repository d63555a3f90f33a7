package io.bianque.streams.rule;

import io.bianque.streams.rule.InvalidRules.Mistake;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * A rules file as it is written, its form checked and its conditions not.
 *
 * @param name of the file, for messages
 * @param version what the text hashes to: the same text is the same version anywhere
 */
record RulesFile(String name, String version, List<Rule> rules) {
  private static final Set<String> KEYS =
      Set.of("name", "probe", "when", "action", "enabled", "why", "tests");

  /**
   * What a test may expect.
   *
   * @param holds whether the rule does
   * @param other what it is called when it is not so
   * @param ofIgnore only rules that ignore have it
   */
  private record Expected(boolean holds, String other, boolean ofIgnore) {}

  private static final Map<String, Expected> OUTCOMES =
      Map.of(
          "holds", new Expected(true, "does not hold", false),
          "does not hold", new Expected(false, "holds", false),
          "ignored", new Expected(true, "passes", true),
          "passes", new Expected(false, "ignored", true));

  /**
   * A rule as it is written.
   *
   * @param when the condition
   * @param actionPlace where the action stands, or the rule if it says none
   * @param place where the condition stands
   * @param probePlace where the probe's name stands
   * @param tests what it has to say of events
   */
  record Rule(
      String name,
      String probe,
      String when,
      Action action,
      Mark actionPlace,
      boolean enabled,
      ScalarPlace place,
      ScalarPlace probePlace,
      List<Test> tests) {
    Rule {
      tests = List.copyOf(tests);
    }
  }

  /**
   * An event, and what the rule says of it.
   *
   * @param place of the test in the file
   * @param event fields and their values, as they are written
   * @param holds whether the rule should
   * @param outcome the same in the words of the file
   */
  record Test(Mark place, MappingNode event, boolean holds, String outcome) {
    /** The outcome if the test fails. */
    String otherOutcome() {
      return OUTCOMES.get(outcome).other();
    }
  }

  RulesFile {
    rules = List.copyOf(rules);
  }

  /**
   * Reads the text.
   *
   * @throws InvalidRules when its form is wrong
   */
  static RulesFile parse(String name, String text) {
    return new Parser(name, text).parse();
  }

  private static String versionOf(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 6);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  private static final class Parser {
    private final String name;
    private final String text;
    private final List<Mistake> mistakes = new ArrayList<>();

    Parser(String name, String text) {
      this.name = name;
      this.text = text;
    }

    RulesFile parse() {
      List<Rule> rules = new ArrayList<>();
      compose().ifPresent(root -> rules(root, rules));
      if (!mistakes.isEmpty()) {
        throw new InvalidRules(mistakes);
      }
      return new RulesFile(name, versionOf(text), rules);
    }

    private Optional<Node> compose() {
      try {
        return new Compose(LoadSettings.builder().setLabel(name).build()).composeString(text);
      } catch (MarkedYamlEngineException e) {
        Mark mark = e.getProblemMark().or(e::getContextMark).orElse(null);
        int line = mark == null ? 1 : mark.getLine() + 1;
        int column = mark == null ? 1 : mark.getColumn() + 1;
        throw new InvalidRules(
            List.of(new Mistake(name, line, column, null, "no YAML: " + e.getProblem())));
      } catch (YamlEngineException e) {
        throw new InvalidRules(
            List.of(new Mistake(name, 1, 1, null, "no YAML: " + e.getMessage())));
      }
    }

    private void rules(Node root, List<Rule> rules) {
      if (!(root instanceof MappingNode top)) {
        mistake(root, null, "the file must be a mapping with the key 'rules'");
        return;
      }
      for (NodeTuple entry : top.getValue()) {
        String key = text(entry.getKeyNode());
        if (!"rules".equals(key)) {
          mistake(
              entry.getKeyNode(), null, "unknown key '" + key + "': only 'rules' is allowed here");
        } else if (entry.getValueNode() instanceof SequenceNode list) {
          Set<String> names = new HashSet<>();
          list.getValue().forEach(node -> rule(node, names).ifPresent(rules::add));
        } else if (!isNull(entry.getValueNode())) {
          mistake(entry.getValueNode(), null, "'rules' must be a list");
        }
      }
    }

    private Optional<Rule> rule(Node node, Set<String> names) {
      if (!(node instanceof MappingNode mapping)) {
        mistake(node, null, "a rule must be a mapping of name, probe, when, action");
        return Optional.empty();
      }
      Map<String, Node> values = new HashMap<>();
      int before = mistakes.size();
      String ruleName = nameOf(mapping);
      for (NodeTuple entry : mapping.getValue()) {
        String key = text(entry.getKeyNode());
        if (!KEYS.contains(key)) {
          mistake(
              entry.getKeyNode(),
              ruleName,
              "unknown key '%s'%s; allowed: action, enabled, name, probe, tests, when, why"
                  .formatted(key, Spelling.hint(key, KEYS)));
        } else if (values.put(key, entry.getValueNode()) != null) {
          mistake(entry.getKeyNode(), ruleName, "'" + key + "' is there twice");
        }
      }
      for (String key : List.of("name", "probe", "when")) {
        if (!(values.get(key) instanceof ScalarNode scalar) || scalar.getValue().isBlank()) {
          mistake(values.getOrDefault(key, node), ruleName, "'" + key + "' must be there, as text");
        }
      }
      if (ruleName != null && !names.add(ruleName)) {
        mistake(values.get("name"), ruleName, "another rule has this name already");
      }
      Optional<Action> action =
          new ActionReader((wrong, message) -> mistake(wrong, ruleName, message))
              .read(values.get("action"));
      boolean enabled = enabled(values.get("enabled"), ruleName);
      boolean ignores = action.isEmpty() || action.get() instanceof Action.Ignore;
      List<Test> tests = tests(values.get("tests"), ruleName, ignores);
      if (mistakes.size() > before) {
        return Optional.empty();
      }
      ScalarNode when = (ScalarNode) values.get("when");
      return Optional.of(
          new Rule(
              ruleName,
              text(values.get("probe")),
              when.getValue(),
              action.orElseThrow(),
              values.getOrDefault("action", node).getStartMark().orElseThrow(),
              enabled,
              ScalarPlace.of(when, text),
              ScalarPlace.of((ScalarNode) values.get("probe"), text),
              tests));
    }

    private List<Test> tests(Node node, String ruleName, boolean ignores) {
      List<Test> tests = new ArrayList<>();
      if (node instanceof SequenceNode list) {
        list.getValue().forEach(test -> test(test, ruleName, ignores).ifPresent(tests::add));
      } else if (node != null) {
        mistake(node, ruleName, "'tests' must be a list");
      }
      return tests;
    }

    private Optional<Test> test(Node node, String ruleName, boolean ignores) {
      Map<String, Node> values = new HashMap<>();
      if (node instanceof MappingNode mapping) {
        mapping
            .getValue()
            .forEach(entry -> values.put(text(entry.getKeyNode()), entry.getValueNode()));
      }
      String outcome = text(values.getOrDefault("outcome", node));
      if (!values.keySet().equals(Set.of("event", "outcome"))
          || !(values.get("event") instanceof MappingNode event)) {
        mistake(node, ruleName, "a test must be a mapping of event, with fields, and outcome");
        return Optional.empty();
      }
      Expected expected = OUTCOMES.get(outcome);
      if (expected == null || (expected.ofIgnore() && !ignores)) {
        mistake(
            values.get("outcome"),
            ruleName,
            "unknown outcome '%s'; allowed: holds, does not hold%s"
                .formatted(outcome, ignores ? ", ignored, passes" : ""));
        return Optional.empty();
      }
      return Optional.of(
          new Test(node.getStartMark().orElseThrow(), event, expected.holds(), outcome));
    }

    private boolean enabled(Node node, String ruleName) {
      if (node == null) {
        return true;
      }
      if (!Tag.BOOL.equals(node.getTag())) {
        mistake(node, ruleName, "'enabled' must be true or false");
        return false;
      }
      return text(node).equalsIgnoreCase("true");
    }

    private static String nameOf(MappingNode rule) {
      return rule.getValue().stream()
          .filter(entry -> "name".equals(text(entry.getKeyNode())))
          .map(entry -> text(entry.getValueNode()))
          .findFirst()
          .orElse(null);
    }

    private static boolean isNull(Node node) {
      return Tag.NULL.equals(node.getTag());
    }

    private static String text(Node node) {
      return node instanceof ScalarNode scalar ? scalar.getValue() : "";
    }

    private void mistake(Node node, String rule, String message) {
      Mark mark = node.getStartMark().orElseThrow();
      mistakes.add(new Mistake(name, mark.getLine() + 1, mark.getColumn() + 1, rule, message));
    }
  }
}
