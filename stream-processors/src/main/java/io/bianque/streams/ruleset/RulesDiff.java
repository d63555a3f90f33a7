package io.bianque.streams.ruleset;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.CollectionNode;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * What makes one rules file another, rule by rule as they are written. How far they are indented
 * makes no difference, nor do comments between rules.
 *
 * @param reordered rules that both have stand in another order, which can decide
 */
public record RulesDiff(List<Change> changes, boolean reordered) {
  /**
   * A rule that is not the same in both.
   *
   * @param before its text; empty when it was added
   * @param after its text; empty when it was removed
   */
  public record Change(String rule, Optional<String> before, Optional<String> after) {
    public String kind() {
      return before.isEmpty() ? "added" : after.isEmpty() ? "removed" : "changed";
    }

    /** Lines of both, marked as diff does. */
    public List<String> lines() {
      return Lines.merged(
          before.map(Change::lines).orElse(List.of()), after.map(Change::lines).orElse(List.of()));
    }

    private static List<String> lines(String text) {
      return Arrays.asList(text.split("\n"));
    }
  }

  public RulesDiff {
    changes = List.copyOf(changes);
  }

  /**
   * Of two files. One that is no rules file, as somebody may have put into the topic who checks
   * nothing, has no rules here.
   *
   * @param before empty text for no rules
   */
  public static RulesDiff of(String before, String after) {
    Map<String, String> old = rules(before);
    Map<String, String> now = rules(after);
    List<Change> changes = new ArrayList<>();
    old.forEach((rule, text) -> {
      if (!now.containsKey(rule)) {
        changes.add(new Change(rule, Optional.of(text), Optional.empty()));
      }
    });
    now.forEach((rule, text) -> {
      String was = old.get(rule);
      if (!text.equals(was)) {
        changes.add(new Change(rule, Optional.ofNullable(was), Optional.of(text)));
      }
    });
    List<String> order = old.keySet().stream().filter(now::containsKey).toList();
    return new RulesDiff(
        changes, !order.equals(now.keySet().stream().filter(old::containsKey).toList()));
  }

  public boolean isEmpty() {
    return changes.isEmpty() && !reordered;
  }

  /** {@code 2 added, 1 changed}. */
  public String summary() {
    List<String> parts = new ArrayList<>();
    for (String kind : List.of("added", "removed", "changed")) {
      long number = changes.stream().filter(change -> change.kind().equals(kind)).count();
      if (number > 0) {
        parts.add(number + " " + kind);
      }
    }
    if (reordered) {
      parts.add("another order");
    }
    return parts.isEmpty() ? "the same rules" : String.join(", ", parts);
  }

  private static Map<String, String> rules(String text) {
    Map<String, String> rules = new LinkedHashMap<>();
    if (composed(text).orElse(null) instanceof MappingNode top) {
      for (NodeTuple entry : top.getValue()) {
        if (entry.getValueNode() instanceof SequenceNode list) {
          list.getValue()
              .forEach(rule -> name(rule).ifPresent(name -> rules.put(name, source(rule, text))));
        }
      }
    }
    return rules;
  }

  private static Optional<Node> composed(String text) {
    try {
      return new Compose(LoadSettings.builder().build()).composeString(text);
    } catch (YamlEngineException e) {
      return Optional.empty();
    }
  }

  private static Optional<String> name(Node rule) {
    return rule instanceof MappingNode mapping
        ? mapping.getValue().stream()
            .filter(entry ->
                entry.getKeyNode() instanceof ScalarNode key && key.getValue().equals("name"))
            .filter(entry -> entry.getValueNode() instanceof ScalarNode)
            .map(entry -> ((ScalarNode) entry.getValueNode()).getValue())
            .findFirst()
        : Optional.empty();
  }

  /** As it is written, moved to the left margin. */
  private static String source(Node rule, String text) {
    String[] lines = text.split("\r\n|\r|\n", -1);
    Mark start = rule.getStartMark().orElseThrow();
    Mark end = end(rule);
    boolean isFlow = ((CollectionNode<?>) rule).getFlowStyle() == FlowStyle.FLOW;
    List<String> found = new ArrayList<>();
    for (int i = start.getLine(); i <= end.getLine() && i < lines.length; i++) {
      String line = lines[i];
      if (i == end.getLine()) {
        String upToEnd = line.substring(0, line.offsetByCodePoints(0, end.getColumn()));
        if (upToEnd.isBlank()) {
          break; // a block of text ends where the next line's begins
        }
        line = isFlow ? upToEnd : line;
      }
      found.add(moved(line, start.getColumn(), i == start.getLine()));
    }
    return String.join("\n", found).stripTrailing();
  }

  private static String moved(String line, int column, boolean first) {
    int blank = 0;
    while (blank < line.length() && line.charAt(blank) == ' ') {
      blank++;
    }
    int from = first ? line.offsetByCodePoints(0, column) : Math.min(column, blank);
    return line.substring(from).stripTrailing();
  }

  /** Behind its last value: a block's own mark is where the next thing begins. */
  private static Mark end(Node node) {
    return switch (node) {
      case MappingNode mapping
          when mapping.getFlowStyle() == FlowStyle.BLOCK && !mapping.getValue().isEmpty() ->
          end(mapping.getValue().getLast().getValueNode());
      case SequenceNode list
          when list.getFlowStyle() == FlowStyle.BLOCK && !list.getValue().isEmpty() ->
          end(list.getValue().getLast());
      default -> node.getEndMark().orElseThrow();
    };
  }

  /** The longest lines that both have in common, and what is between them. */
  private static final class Lines {
    private Lines() {}

    static List<String> merged(List<String> before, List<String> after) {
      int[][] common = new int[before.size() + 1][after.size() + 1];
      for (int i = before.size() - 1; i >= 0; i--) {
        for (int j = after.size() - 1; j >= 0; j--) {
          common[i][j] =
              before.get(i).equals(after.get(j))
                  ? common[i + 1][j + 1] + 1
                  : Math.max(common[i + 1][j], common[i][j + 1]);
        }
      }
      List<String> merged = new ArrayList<>();
      int i = 0;
      int j = 0;
      while (i < before.size() || j < after.size()) {
        if (i < before.size() && j < after.size() && before.get(i).equals(after.get(j))) {
          merged.add("  " + before.get(i++));
          j++;
        } else if (j == after.size()
            || (i < before.size() && common[i + 1][j] >= common[i][j + 1])) {
          merged.add("- " + before.get(i++));
        } else {
          merged.add("+ " + after.get(j++));
        }
      }
      return merged;
    }
  }
}
