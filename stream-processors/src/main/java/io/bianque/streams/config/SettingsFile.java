package io.bianque.streams.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** A YAML file as a flat list of values, each with its place: {@code dns.servers} at line 12. */
final class SettingsFile {
  /**
   * A value as it is written; a list joined by commas.
   *
   * @param place for messages: {@code streams.yaml:12:3}, or the name of an environment variable
   */
  record Value(String text, String place) {}

  private final String name;
  private final Map<String, Value> values = new LinkedHashMap<>();
  private final List<String> mistakes = new ArrayList<>();

  private SettingsFile(String name) {
    this.name = name;
  }

  /**
   * Reads the text.
   *
   * @throws InvalidSettings when it is no YAML of that form
   */
  static Map<String, Value> parse(String name, String text) {
    SettingsFile file = new SettingsFile(name);
    try {
      new Compose(LoadSettings.builder().setLabel(name).build())
          .composeString(text)
          .ifPresent(root -> file.flatten("", root));
    } catch (MarkedYamlEngineException e) {
      String place =
          e.getProblemMark()
              .map(m -> ":" + (m.getLine() + 1) + ":" + (m.getColumn() + 1))
              .orElse("");
      file.mistakes.add(name + place + ": no YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      file.mistakes.add(name + ": no YAML: " + e.getMessage());
    }
    if (!file.mistakes.isEmpty()) {
      throw new InvalidSettings(file.mistakes);
    }
    return file.values;
  }

  private void flatten(String path, Node node) {
    switch (node) {
      case MappingNode mapping -> {
        for (NodeTuple entry : mapping.getValue()) {
          String key = entry.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "?";
          flatten(path.isEmpty() ? key : path + "." + key, entry.getValueNode());
        }
      }
      case SequenceNode list -> {
        List<String> items = new ArrayList<>();
        for (Node item : list.getValue()) {
          if (item instanceof ScalarNode scalar) {
            items.add(scalar.getValue());
          } else {
            mistakes.add(place(item) + ": " + path + ": a list may hold plain values only");
          }
        }
        put(path, String.join(",", items), node);
      }
      case ScalarNode scalar -> {
        if (!(path.isEmpty() && Tag.NULL.equals(scalar.getTag()))) {
          put(path, Tag.NULL.equals(scalar.getTag()) ? "" : scalar.getValue(), node);
        }
      }
      default -> mistakes.add(place(node) + ": " + path + ": not a value");
    }
  }

  private void put(String path, String text, Node node) {
    if (values.put(path, new Value(text, place(node))) != null) {
      mistakes.add(place(node) + ": '" + path + "' is there twice");
    }
  }

  private String place(Node node) {
    return node.getStartMark()
        .map(m -> name + ":" + (m.getLine() + 1) + ":" + (m.getColumn() + 1))
        .orElse(name);
  }
}
