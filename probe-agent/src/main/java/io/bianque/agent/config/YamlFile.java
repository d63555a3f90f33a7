package io.bianque.agent.config;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
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

/**
 * A YAML file as dotted paths with the value and the place of each. Through the nodes rather than
 * through objects, because only nodes know their line.
 */
final class YamlFile {
  private final Path file;
  private final List<String> problems;
  private final Map<String, Written> values = new HashMap<>();

  private YamlFile(Path file, List<String> problems) {
    this.file = file;
    this.problems = problems;
  }

  /** Reads it; what cannot be read is added to the problems. */
  static Map<String, Written> read(Path file, List<String> problems) {
    YamlFile yaml = new YamlFile(file, problems);
    try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      LoadSettings settings = LoadSettings.builder().setLabel(file.toString()).build();
      new Compose(settings).composeReader(reader).ifPresent(root -> yaml.walk("", root));
    } catch (MarkedYamlEngineException e) {
      problems.add(
          e.getProblemMark()
                  .map(mark -> file + ":" + (mark.getLine() + 1) + ":" + (mark.getColumn() + 1))
                  .orElse(file.toString())
              + ": not YAML: "
              + e.getProblem());
    } catch (YamlEngineException e) {
      problems.add(
          e.getCause() instanceof IOException cause
              ? file + ": cannot be read: " + FileTrouble.words(cause)
              : file + ": not YAML: " + e.getMessage());
    } catch (IOException e) {
      problems.add(file + ": cannot be read: " + FileTrouble.words(e));
    }
    return yaml.values;
  }

  private void walk(String path, Node node) {
    switch (node) {
      case Node recursive when recursive.isRecursive() ->
          problems.add(where(node) + ": " + path + ": holds itself");
      case MappingNode mapping -> mapping.getValue().forEach(tuple -> entry(path, tuple));
      case SequenceNode sequence -> put(path, list(path, sequence), node);
      case ScalarNode scalar when scalar.getTag().equals(Tag.NULL) -> {
        // A section whose keys are all commented out is an empty one.
      }
      case ScalarNode scalar -> put(path, Written.scalar(scalar.getValue(), where(node)), node);
      default -> problems.add(where(node) + ": " + path + ": not a value, a list or a section");
    }
  }

  private void entry(String path, NodeTuple tuple) {
    if (tuple.getKeyNode() instanceof ScalarNode key) {
      walk(path.isEmpty() ? key.getValue() : path + "." + key.getValue(), tuple.getValueNode());
    } else {
      problems.add(where(tuple.getKeyNode()) + ": " + path + ": a key must be a word");
    }
  }

  private Written list(String path, SequenceNode sequence) {
    List<String> texts = new ArrayList<>();
    for (Node item : sequence.getValue()) {
      if (item instanceof ScalarNode scalar) {
        texts.add(scalar.getValue());
      } else {
        problems.add(where(item) + ": " + path + ": a list holds plain values only");
      }
    }
    return new Written(List.copyOf(texts), true, where(sequence));
  }

  private void put(String path, Written value, Node node) {
    if (path.isEmpty()) {
      problems.add(where(node) + ": expected sections and keys, found " + value.said());
      return;
    }
    Written first = values.putIfAbsent(path, value);
    if (first != null) {
      problems.add(value.where() + ": " + path + ": set already at " + first.where());
    }
  }

  private String where(Node node) {
    return node.getStartMark()
        .map(mark -> file + ":" + (mark.getLine() + 1) + ":" + (mark.getColumn() + 1))
        .orElse(file.toString());
  }
}
