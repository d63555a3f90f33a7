package io.bianque.streams.rule;

import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** Reads a rule's action: {@code ignore}, or a mapping of one key. */
final class ActionReader {
  private static final List<String> KEYS = List.of("tag", "severity", "sample", "route");
  private static final String ALLOWED =
      "allowed: ignore, {tag: NAME}, {severity: %s}, {sample: N}, {route: NAME}"
          .formatted(String.join("|", Severity.words()));
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

  /** The end of a topic's name. */
  private static final Pattern ROUTE = Pattern.compile("[a-z0-9][a-z0-9_-]{0,63}");

  private static final Pattern RATE = Pattern.compile("[1-9][0-9]{0,8}");

  private final BiConsumer<Node, String> mistake;

  /**
   * @param mistake takes what is wrong, and with which part
   */
  ActionReader(BiConsumer<Node, String> mistake) {
    this.mistake = mistake;
  }

  /**
   * Reads it; empty when it is wrong.
   *
   * @param node null: the rule does not say, and ignores
   */
  Optional<Action> read(Node node) {
    return switch (node) {
      case null -> Optional.of(new Action.Ignore());
      case MappingNode mapping when mapping.getValue().size() == 1 ->
          read(
              mapping.getValue().getFirst().getKeyNode(),
              mapping.getValue().getFirst().getValueNode());
      case ScalarNode scalar when scalar.getValue().equals("ignore") ->
          Optional.of(new Action.Ignore());
      case ScalarNode scalar ->
          wrong(node, "unknown action '" + scalar.getValue() + "'; " + ALLOWED);
      default -> wrong(node, "a rule has one action; " + ALLOWED);
    };
  }

  private Optional<Action> read(Node keyNode, Node valueNode) {
    String key = text(keyNode);
    String value = text(valueNode);
    return switch (key) {
      case "tag" ->
          TAG.matcher(value).matches()
              ? Optional.of(new Action.Tag(value))
              : wrong(
                  valueNode,
                  "a tag must be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first");
      case "severity" -> {
        Optional<Severity> severity = Severity.of(value);
        yield severity.isPresent()
            ? severity.map(Action.SetSeverity::new)
            : wrong(
                valueNode,
                "unknown severity '%s'%s; allowed: %s"
                    .formatted(
                        value,
                        Spelling.hint(value, Severity.words()),
                        String.join(", ", Severity.words())));
      }
      case "sample" ->
          Tag.INT.equals(valueNode.getTag()) && RATE.matcher(value).matches() && !value.equals("1")
              ? Optional.of(new Action.Sample(Long.parseLong(value)))
              : wrong(
                  valueNode,
                  "'sample' must be a number from 2 to 999999999: of so many events one is kept");
      case "route" ->
          ROUTE.matcher(value).matches()
              ? Optional.of(new Action.Route(value))
              : wrong(
                  valueNode,
                  "a route must be 1 to 64 lower-case letters, digits, '_' or '-', a letter or digit first: it ends the name of a topic");
      default ->
          wrong(
              keyNode, "unknown action '" + key + "'" + Spelling.hint(key, KEYS) + "; " + ALLOWED);
    };
  }

  private static String text(Node node) {
    return node instanceof ScalarNode scalar ? scalar.getValue() : "";
  }

  private Optional<Action> wrong(Node node, String message) {
    mistake.accept(node, message);
    return Optional.empty();
  }
}
