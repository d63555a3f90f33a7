package io.bianque.streams.rule;

import io.bianque.streams.rule.InvalidRules.Mistake;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/**
 * An enriched event out of a file: its fields alone, or the record that {@code bianque tail}
 * prints.
 */
public record WrittenEvent(String probe, GenericRecord event) {
  private static final String TOPIC = "(?:bianque\\.)?(?:enriched|ignored)\\.";

  /**
   * Reads the text.
   *
   * @param name of the file, for messages
   * @param probe whose event it is; empty: the record's topic says so
   * @param schemas enriched schema of each probe
   * @throws InvalidRules when it is no such event
   */
  public static WrittenEvent parse(
      String name, String text, Optional<String> probe, Map<String, Schema> schemas) {
    MappingNode record = compose(name, text);
    MappingNode event =
        field(record, "value")
            .filter(MappingNode.class::isInstance)
            .map(MappingNode.class::cast)
            .orElse(record);
    String of =
        probe
            .or(() ->
                field(record, "topic")
                    .filter(ScalarNode.class::isInstance)
                    .map(topic -> ((ScalarNode) topic).getValue().replaceFirst(TOPIC, "")))
            .orElseThrow(
                () -> wrong(name, 1, 1, "it does not say whose event it is: name it with --probe"));
    Schema schema = schemas.get(of);
    if (schema == null) {
      throw wrong(name, 1, 1, "no probe '" + of + "'" + Spelling.hint(of, schemas.keySet()));
    }
    List<Mistake> mistakes = new ArrayList<>();
    GenericRecord read =
        new EventReader(
                (node, message) -> {
                  Mark at = node.getStartMark().orElseThrow();
                  mistakes.add(
                      new Mistake(name, at.getLine() + 1, at.getColumn() + 1, null, message));
                })
            .read(event, schema);
    if (!mistakes.isEmpty()) {
      throw new InvalidRules(mistakes);
    }
    return new WrittenEvent(of, read);
  }

  private static MappingNode compose(String name, String text) {
    try {
      if (new Compose(LoadSettings.builder().setLabel(name).build())
              .composeString(text)
              .orElse(null)
          instanceof MappingNode mapping) {
        return mapping;
      }
    } catch (YamlEngineException e) {
      throw wrong(name, 1, 1, "no JSON of one event: " + e.getMessage());
    }
    throw wrong(name, 1, 1, "no JSON of one event");
  }

  private static Optional<Node> field(MappingNode record, String name) {
    return record.getValue().stream()
        .filter(
            entry -> entry.getKeyNode() instanceof ScalarNode key && key.getValue().equals(name))
        .map(entry -> entry.getValueNode())
        .findFirst();
  }

  private static InvalidRules wrong(String name, int line, int column, String message) {
    return new InvalidRules(List.of(new Mistake(name, line, column, null, message)));
  }
}
