package io.bianque.schemas.catalogue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/** Reads the catalogue's YAML as nodes, not as objects: only they know their lines. */
record CatalogueFile(List<String> probes, List<Topic> topics, Map<String, Schema> schemas) {

  static CatalogueFile parse(String name, String yaml, Function<String, String> schemaSource) {
    return new Reader(name, schemaSource).read(yaml);
  }

  private static final class Reader {
    private static final Set<String> TOP_KEYS = Set.of("principals", "probes", "topics");
    private static final Set<String> TOPIC_KEYS =
        Set.of(
            "name",
            "purpose",
            "key",
            "value",
            "partitions",
            "cleanup",
            "retention",
            "compaction-lag",
            "writers",
            "readers");
    private static final Pattern TOPIC_NAME = Pattern.compile("bianque\\.[a-z0-9_.-]{1,200}");
    private static final Pattern PROBE_NAME = Pattern.compile("[a-z][a-z0-9_]*");
    private static final Pattern DURATION = Pattern.compile("([1-9][0-9]{0,5})([dhm])");
    private static final String PROBE = "{probe}";

    private final String name;
    private final Function<String, String> schemaSource;
    private final List<Topic> topics = new ArrayList<>();
    private final Map<String, Schema> schemas = new HashMap<>();
    private final Map<String, Integer> lineOfTopic = new HashMap<>();

    Reader(String name, Function<String, String> schemaSource) {
      this.name = name;
      this.schemaSource = schemaSource;
    }

    CatalogueFile read(String yaml) {
      Node root;
      try {
        root =
            new Compose(LoadSettings.builder().setLabel(name).setAllowDuplicateKeys(false).build())
                .composeString(yaml)
                .orElseThrow(() -> new InvalidCatalogue(name + ": is empty"));
      } catch (YamlEngineException e) {
        throw new InvalidCatalogue(name + ": is not YAML: " + e.getMessage(), e);
      }
      Map<String, Node> top = mapping(root, "the catalogue", TOP_KEYS);
      List<String> principals = words(required(top, "principals", root), "principals");
      Node probesNode = required(top, "probes", root);
      List<String> probes = words(probesNode, "probes");
      for (String probe : probes) {
        if (!PROBE_NAME.matcher(probe).matches()) {
          throw bad(probesNode, "probe '" + probe + "' must match " + PROBE_NAME);
        }
      }
      for (Node topic : sequence(required(top, "topics", root), "topics")) {
        topic(topic, probes, principals);
      }
      return new CatalogueFile(probes, topics, schemas);
    }

    private void topic(Node node, List<String> probes, List<String> principals) {
      Map<String, Node> keys = mapping(node, "a topic", TOPIC_KEYS);
      Node nameNode = required(keys, "name", node);
      String topicName = text(nameNode, "name");
      Node valueNode = required(keys, "value", node);
      String value = text(valueNode, "value");
      if (value.contains(PROBE) && !topicName.contains(PROBE)) {
        throw bad(valueNode, "value has {probe}, but the topic's name has not");
      }
      Node cleanupNode = required(keys, "cleanup", node);
      Cleanup cleanup = cleanup(cleanupNode);
      Optional<Duration> retention = Optional.ofNullable(keys.get("retention")).map(this::duration);
      Optional<Duration> lag = Optional.ofNullable(keys.get("compaction-lag")).map(this::duration);
      if (retention.isPresent() != (cleanup == Cleanup.DELETE)) {
        throw bad(cleanupNode, "cleanup delete needs a retention, cleanup compact has none");
      }
      if (lag.isPresent() && cleanup == Cleanup.DELETE) {
        throw bad(keys.get("compaction-lag"), "compaction-lag is for cleanup compact only");
      }
      Node partitionsNode = required(keys, "partitions", node);
      Topic template =
          new Topic(
              topicName,
              text(required(keys, "purpose", node), "purpose"),
              text(required(keys, "key", node), "key"),
              value,
              partitions(partitionsNode),
              cleanup,
              retention,
              lag,
              principals(required(keys, "writers", node), "writers", principals),
              principals(required(keys, "readers", node), "readers", principals));
      if (topicName.contains(PROBE)) {
        for (String probe : probes) {
          add(
              template,
              topicName.replace(PROBE, probe),
              value.replace(PROBE, probe),
              nameNode,
              valueNode);
        }
      } else {
        add(template, topicName, value, nameNode, valueNode);
      }
    }

    private void add(Topic t, String topicName, String value, Node nameNode, Node valueNode) {
      if (!TOPIC_NAME.matcher(topicName).matches()) {
        throw bad(nameNode, "topic name '" + topicName + "' must match " + TOPIC_NAME);
      }
      Integer before = lineOfTopic.putIfAbsent(topicName, line(nameNode));
      if (before != null) {
        throw bad(nameNode, "topic " + topicName + " is in line " + before + " already");
      }
      if (!schemas.containsKey(value)) {
        schemas.put(value, schema(value, valueNode));
      }
      topics.add(
          new Topic(
              topicName,
              t.purpose(),
              t.key(),
              value,
              t.partitions(),
              t.cleanup(),
              t.retention(),
              t.compactionLag(),
              t.writers(),
              t.readers()));
    }

    private Schema schema(String resource, Node node) {
      String json = schemaSource.apply(resource);
      if (json == null) {
        throw bad(node, "there is no schema file avro/" + resource);
      }
      try {
        return new Schema.Parser().parse(json);
      } catch (AvroRuntimeException e) {
        throw new InvalidCatalogue(
            name
                + ":"
                + line(node)
                + ": avro/"
                + resource
                + " is no Avro schema: "
                + e.getMessage(),
            e);
      }
    }

    private Cleanup cleanup(Node node) {
      String word = text(node, "cleanup");
      for (Cleanup cleanup : Cleanup.values()) {
        if (word.equals(cleanup.name().toLowerCase(Locale.ROOT))) {
          return cleanup;
        }
      }
      throw bad(node, "cleanup is '" + word + "'; allowed: delete, compact");
    }

    private Duration duration(Node node) {
      String word = text(node, "duration");
      Matcher matcher = DURATION.matcher(word);
      if (!matcher.matches()) {
        throw bad(node, "'" + word + "' is no duration; allowed: a number with d, h or m, as 7d");
      }
      long amount = Long.parseLong(matcher.group(1));
      return switch (matcher.group(2)) {
        case "d" -> Duration.ofDays(amount);
        case "h" -> Duration.ofHours(amount);
        default -> Duration.ofMinutes(amount);
      };
    }

    private int partitions(Node node) {
      String word = text(node, "partitions");
      if (!word.matches("[1-9][0-9]{0,3}")) {
        throw bad(node, "partitions is '" + word + "'; allowed: 1 to 9999");
      }
      return Integer.parseInt(word);
    }

    private List<String> principals(Node node, String key, List<String> known) {
      List<String> words = words(node, key);
      for (String word : words) {
        if (!known.contains(word)) {
          throw bad(node, "unknown principal '" + word + "' in " + key + "; known: " + known);
        }
      }
      return words;
    }

    private List<String> words(Node node, String what) {
      List<String> words = new ArrayList<>();
      Set<String> seen = new HashSet<>();
      for (Node item : sequence(node, what)) {
        String word = text(item, what);
        if (!seen.add(word)) {
          throw bad(item, "'" + word + "' is twice in " + what);
        }
        words.add(word);
      }
      if (words.isEmpty()) {
        throw bad(node, what + " is empty");
      }
      return words;
    }

    private Map<String, Node> mapping(Node node, String what, Set<String> allowed) {
      if (!(node instanceof MappingNode mapping)) {
        throw bad(node, what + " must be a mapping");
      }
      Map<String, Node> map = new LinkedHashMap<>();
      for (NodeTuple tuple : mapping.getValue()) {
        String key = text(tuple.getKeyNode(), "key");
        if (!allowed.contains(key)) {
          throw bad(
              tuple.getKeyNode(),
              "unknown key '"
                  + key
                  + "' in "
                  + what
                  + "; allowed: "
                  + allowed.stream().sorted().toList());
        }
        if (map.putIfAbsent(key, tuple.getValueNode()) != null) {
          throw bad(tuple.getKeyNode(), "key '" + key + "' is twice in " + what);
        }
      }
      return map;
    }

    private List<Node> sequence(Node node, String what) {
      if (node instanceof SequenceNode sequence) {
        return sequence.getValue();
      }
      throw bad(node, what + " must be a list");
    }

    private Node required(Map<String, Node> map, String key, Node parent) {
      Node node = map.get(key);
      if (node == null) {
        throw bad(parent, "key '" + key + "' is missing");
      }
      return node;
    }

    private String text(Node node, String what) {
      if (node instanceof ScalarNode scalar && !scalar.getValue().isBlank()) {
        return scalar.getValue();
      }
      throw bad(node, what + " must be a word or text");
    }

    private InvalidCatalogue bad(Node node, String reason) {
      return new InvalidCatalogue(name + ":" + line(node) + ": " + reason);
    }

    private static int line(Node node) {
      return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
    }
  }
}
