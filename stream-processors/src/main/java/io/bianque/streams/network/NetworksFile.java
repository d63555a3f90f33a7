package io.bianque.streams.network;

import io.bianque.streams.names.IpAddress;
import io.bianque.streams.network.Networks.Block;
import io.bianque.streams.rule.Spelling;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
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
import org.snakeyaml.engine.v2.nodes.Tag;

/** Reads the file of networks. */
final class NetworksFile {
  private static final Set<String> KEYS = Set.of("site", "owner");

  /** Some hundred thousand networks; the library's own bound is a twentieth of it. */
  private static final int MOST_CHARACTERS = 64 << 20;

  private static final String EXAMPLES = "10.1.0.0/16 or 2001:db8::/32";

  private final String name;
  private final List<String> mistakes = new ArrayList<>();
  private final List<Block> blocks = new ArrayList<>();

  /** Where each network stands first. */
  private final Map<String, Integer> lines = new HashMap<>();

  private NetworksFile(String name) {
    this.name = name;
  }

  /**
   * Reads the text.
   *
   * @throws InvalidNetworks with every mistake in it
   */
  static List<Block> parse(String name, String text) {
    NetworksFile file = new NetworksFile(name);
    file.compose(text).ifPresent(file::top);
    if (!file.mistakes.isEmpty()) {
      throw new InvalidNetworks(file.mistakes);
    }
    return file.blocks;
  }

  private Optional<Node> compose(String text) {
    try {
      return new Compose(
              LoadSettings.builder().setLabel(name).setCodePointLimit(MOST_CHARACTERS).build())
          .composeString(text);
    } catch (MarkedYamlEngineException e) {
      mistake(e.getProblemMark().or(e::getContextMark), "no YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      mistake(Optional.empty(), "no YAML: " + e.getMessage());
    }
    return Optional.empty();
  }

  private void top(Node root) {
    if (!(root instanceof MappingNode top)) {
      mistake(root, "the file must be a mapping with the key 'networks'");
      return;
    }
    for (NodeTuple entry : top.getValue()) {
      String key = text(entry.getKeyNode());
      if (!key.equals("networks")) {
        mistake(entry.getKeyNode(), "unknown key '" + key + "': only 'networks' is allowed here");
      } else if (entry.getValueNode() instanceof MappingNode networks) {
        networks
            .getValue()
            .forEach(network -> network(network.getKeyNode(), network.getValueNode()));
      } else if (!isNull(entry.getValueNode())) {
        mistake(
            entry.getValueNode(), "'networks' must be a mapping of networks, each as " + EXAMPLES);
      }
    }
  }

  private void network(Node key, Node value) {
    Map<String, String> says = says(value);
    String cidr = text(key);
    String[] parts = cidr.split("/", -1);
    Optional<IpAddress> parsed = IpAddress.parse(parts[0]);
    if (parsed.isEmpty() || parts.length > 2) {
      mistake(key, "'" + cidr + "' is no network; it must be as " + EXAMPLES);
      return;
    }
    IpAddress address = parsed.get();
    if (address.isIpv4() && parts[0].contains(":")) {
      mistake(key, "'" + cidr + "' is of IPv4; write it so: " + address);
      return;
    }
    int most = address.isIpv4() ? 32 : 128;
    if (parts.length < 2) {
      mistake(
          key, "'%s' has no prefix length; the one address is %s/%d".formatted(cidr, cidr, most));
      return;
    }
    int prefix = prefix(parts[1], most);
    if (prefix < 0) {
      mistake(key, "'%s': the prefix length must be a number from 0 to %d".formatted(cidr, most));
      return;
    }
    IpAddress first = address.prefix(prefix);
    if (!first.equals(address)) {
      mistake(
          key,
          "'%s' has bits set behind its prefix; the network is %s/%d, the address %s/%d"
              .formatted(cidr, first, prefix, address, most));
      return;
    }
    int line = key.getStartMark().orElseThrow().getLine() + 1;
    Integer before = lines.putIfAbsent(first + "/" + prefix, line);
    if (before != null) {
      mistake(key, "'" + cidr + "' is in line " + before + " already");
      return;
    }
    blocks.add(
        new Block(
            first.isIpv4(),
            first.high(),
            first.low(),
            prefix,
            new Network(cidr, says.get("site"), says.get("owner"))));
  }

  private Map<String, String> says(Node value) {
    Map<String, String> says = new HashMap<>();
    if (value instanceof MappingNode mapping) {
      Set<String> seen = new HashSet<>();
      for (NodeTuple entry : mapping.getValue()) {
        String key = text(entry.getKeyNode());
        if (!KEYS.contains(key)) {
          mistake(
              entry.getKeyNode(),
              "unknown key '%s'%s; allowed: owner, site".formatted(key, Spelling.hint(key, KEYS)));
        } else if (!seen.add(key)) {
          mistake(entry.getKeyNode(), "'" + key + "' is there twice");
        } else if (!(entry.getValueNode() instanceof ScalarNode)) {
          mistake(entry.getValueNode(), "'" + key + "' must be text");
        } else if (!isNull(entry.getValueNode()) && !text(entry.getValueNode()).isBlank()) {
          says.put(key, text(entry.getValueNode()));
        }
      }
    } else if (!isNull(value)) {
      mistake(value, "a network must have a mapping of site and owner: {site: fra1, owner: shop}");
    }
    return says;
  }

  private static int prefix(String text, int most) {
    if (!text.matches("0|[1-9][0-9]{0,2}")) {
      return -1;
    }
    int prefix = Integer.parseInt(text);
    return prefix <= most ? prefix : -1;
  }

  private static boolean isNull(Node node) {
    return Tag.NULL.equals(node.getTag());
  }

  private static String text(Node node) {
    return node instanceof ScalarNode scalar ? scalar.getValue() : "";
  }

  private void mistake(Node node, String message) {
    mistake(node.getStartMark(), message);
  }

  private void mistake(Optional<Mark> mark, String message) {
    mistakes.add(
        name
            + mark.map(at -> ":" + (at.getLine() + 1) + ":" + (at.getColumn() + 1)).orElse("")
            + ": "
            + message);
  }
}
