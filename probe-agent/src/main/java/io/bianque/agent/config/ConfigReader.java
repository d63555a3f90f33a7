package io.bianque.agent.config;

import io.bianque.agent.config.AgentConfig.Control;
import io.bianque.agent.config.AgentConfig.Control.Range;
import io.bianque.agent.config.AgentConfig.Events;
import io.bianque.agent.config.AgentConfig.Guard;
import io.bianque.agent.config.AgentConfig.Http;
import io.bianque.agent.config.AgentConfig.Intervals;
import io.bianque.agent.config.AgentConfig.Kafka;
import io.bianque.agent.config.AgentConfig.Probe;
import io.bianque.agent.config.AgentConfig.Spool;
import io.bianque.agent.config.AgentConfig.Tunable;
import io.bianque.agent.probe.ProbeSettings.Channel;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * Makes an {@link AgentConfig} of a file and the environment.
 *
 * <p>{@code BIANQUE_AGENT_SPOOL__MAX_BYTES} overrides {@code spool.max_bytes}: the prefix, then the
 * key in upper case with two underscores for each dot. A list is written with commas.
 */
public final class ConfigReader {
  public static final String ENVIRONMENT_PREFIX = "BIANQUE_AGENT_";

  private static final String PROBES = "probes.";
  private static final String PROPERTIES = "kafka.properties.";
  private static final String LABELS = "labels.";
  private static final String CONTROLLED = "control.allow.tunables.";

  /** What cannot make a probe dear. */
  private static final Map<String, Range> CONTROLLED_BY_DEFAULT =
      Map.of(
          "max_events_per_second", new Range(1, 1000),
          "sample_hz", new Range(1, 999),
          "cgroup_id", new Range(0, Long.MAX_VALUE),
          "watch_idle", new Range(0, 1));

  private static final Pattern HOST_AND_PORT =
      Pattern.compile("(?:[\\w.-]+|\\[[0-9a-fA-F:.]+]):[1-9]\\d{0,4}");

  private final List<String> problems;
  private final Map<String, Written> written;
  private final Set<String> known = new LinkedHashSet<>();

  private ConfigReader(Map<String, Written> written, List<String> problems) {
    this.written = written;
    this.problems = problems;
  }

  /**
   * Reads and checks everything.
   *
   * @param file the YAML file; empty for defaults and environment only
   * @param environment all of it; only variables with the prefix are looked at
   * @param dist the folder of the agent's distribution, whose {@code probes} folder is the default
   *     one
   * @throws InvalidConfig with every problem found, not only the first
   */
  public static AgentConfig read(Optional<Path> file, Map<String, String> environment, Path dist) {
    List<String> problems = new ArrayList<>();
    Map<String, Written> written =
        new TreeMap<>(file.map(path -> YamlFile.read(path, problems)).orElse(Map.of()));
    environment.forEach((name, value) -> {
      if (name.startsWith(ENVIRONMENT_PREFIX)) {
        written.put(key(name), Written.scalar(value, "environment variable " + name));
      }
    });
    return new ConfigReader(written, problems).config(dist);
  }

  private static String key(String variable) {
    return variable
        .substring(ENVIRONMENT_PREFIX.length())
        .replace("__", ".")
        .toLowerCase(Locale.ROOT);
  }

  private AgentConfig config(Path dist) {
    Path stateDir = value("state_dir", Path.of("/var/lib/bianque-agent"), ConfigReader::path);
    Supplier<AgentConfig> config =
        () ->
            new AgentConfig(
                kafka(),
                value(
                    "registry.url",
                    URI.create("http://127.0.0.1:19091/apis/ccompat/v7"),
                    ConfigReader::httpAddress),
                list("probe_folders", List.of(dist.resolve("probes").toString())).stream()
                    .map(Path::of)
                    .toList(),
                value("own_probes", Optional.empty(), ConfigReader::folder),
                probes(),
                new HashSet<>(list("blacklist", List.of())),
                checked("events", this::events),
                stateDir,
                value(
                    "pin_folder",
                    Optional.of(Path.of("/sys/fs/bpf/bianque")),
                    ConfigReader::folder),
                checked("spool", () -> spool(stateDir)),
                new Guard(
                    value("guard.cpu_percent", 3.0, ConfigReader::percent),
                    value("guard.probes_percent", 3.0, ConfigReader::percent),
                    bytes("guard.memory", 128L << 20, 32L << 20, 1L << 40),
                    duration("guard.pause", Duration.ofMinutes(10), Duration.ofSeconds(1))),
                value("perf_maps.memory", OptionalLong.of(4L << 20), ConfigReader::perfMapBytes),
                new Http(value("http.port", Optional.of(19097), ConfigReader::port)),
                new Intervals(
                    duration("intervals.counters", Duration.ofSeconds(10), Duration.ofSeconds(1)),
                    duration("intervals.snapshots", Duration.ofSeconds(10), Duration.ofSeconds(1)),
                    duration("intervals.facts", Duration.ofHours(1), Duration.ofSeconds(10)),
                    duration("intervals.containers", Duration.ofSeconds(2), Duration.ofMillis(100)),
                    duration(
                        "intervals.probe_retry", Duration.ofSeconds(10), Duration.ofMillis(100)),
                    duration("intervals.stop", Duration.ofSeconds(5), Duration.ZERO)),
                control(),
                labels());
    AgentConfig read = config.get();
    refuseUnknown();
    if (!problems.isEmpty()) {
      throw new InvalidConfig(problems);
    }
    return read;
  }

  private Kafka kafka() {
    Map<String, String> properties = new HashMap<>();
    below(PROPERTIES)
        .forEach((name, value) ->
            ClientProperties.refusal(name)
                .ifPresentOrElse(
                    reason -> problem(value, PROPERTIES + name, reason),
                    () -> properties.put(name, String.join(",", value.texts()))));
    ClientProperties.wrongValues(properties)
        .forEach(
            (name, reason) -> problem(written.get(PROPERTIES + name), PROPERTIES + name, reason));
    List<String> servers = list("kafka.bootstrap_servers", List.of("127.0.0.1:19092"));
    if (servers.isEmpty()
        || !servers.stream().allMatch(each -> HOST_AND_PORT.matcher(each).matches())) {
      problem(
          written.get("kafka.bootstrap_servers"),
          "kafka.bootstrap_servers",
          "one or more host:port, as [broker-1:9092, broker-2:9092]");
    }
    return new Kafka(
        servers, properties, bytes("kafka.in_flight_bytes", 8L << 20, 1L << 20, 1L << 30));
  }

  private Map<String, Probe> probes() {
    Map<String, Map<String, Written>> byProbe = new TreeMap<>();
    below(PROBES)
        .forEach((rest, value) -> {
          int dot = rest.indexOf('.');
          if (dot < 0 || rest.indexOf('.', dot + 1) >= 0) {
            problem(
                value, PROBES + rest, "expected probes.<name>.enabled or probes.<name>.<tunable>");
          } else {
            byProbe
                .computeIfAbsent(rest.substring(0, dot), _ -> new TreeMap<>())
                .put(rest.substring(dot + 1), value);
          }
        });
    Map<String, Probe> probes = new HashMap<>();
    byProbe.forEach((name, values) -> probes.put(name, probe(name, values)));
    return probes;
  }

  private Probe probe(String name, Map<String, Written> values) {
    Optional<Boolean> enabled =
        value(PROBES + name + ".enabled", Optional.empty(), text -> Optional.of(trueOrFalse(text)));
    Map<String, Tunable> tunables = new HashMap<>();
    values.forEach((tunable, value) -> {
      if (tunable.equals("enabled")) {
        return;
      }
      if (value.list()) {
        problem(value, PROBES + name + "." + tunable, "a number, true or false");
      } else {
        tunables.put(tunable, new Tunable(value.texts().getFirst(), value.where()));
      }
    });
    return new Probe(enabled, tunables);
  }

  private Events events() {
    return new Events(
        value("events.channel", Channel.AUTO, ConfigReader::channel),
        value("events.channel_bytes", OptionalInt.empty(), ConfigReader::channelBytes),
        duration("events.busy_interval", Duration.ofMillis(10), Duration.ofMillis(1)),
        duration("events.idle_interval", Duration.ofMillis(100), Duration.ofMillis(1)));
  }

  private Control control() {
    List<String> probes = list("control.allow.probes", List.of("*"));
    return new Control(
        value("control.enabled", true, ConfigReader::trueOrFalse),
        probes.contains("*") ? Optional.empty() : Optional.of(new HashSet<>(probes)),
        controlled(),
        duration("control.allow.longest", Duration.ofHours(1), Duration.ofSeconds(1)));
  }

  /** The defaults, unless any is said. */
  private Map<String, Range> controlled() {
    Map<String, Written> said = below(CONTROLLED);
    if (said.isEmpty()) {
      return CONTROLLED_BY_DEFAULT;
    }
    Map<String, Range> ranges = new HashMap<>();
    said.forEach((name, value) -> {
      try {
        ranges.put(name, range(list(CONTROLLED + name, List.of())));
      } catch (IllegalArgumentException e) {
        problem(value, CONTROLLED + name, "the least and the most value, as [1, 1000]");
      }
    });
    return ranges;
  }

  private static Range range(List<String> texts) {
    if (texts.size() != 2) {
      throw new IllegalArgumentException(texts.toString());
    }
    return new Range(Long.parseLong(texts.get(0)), Long.parseLong(texts.get(1)));
  }

  private Map<String, String> labels() {
    Map<String, String> labels = new HashMap<>();
    below(LABELS)
        .keySet()
        .forEach(name -> labels.put(name, value(LABELS + name, "", text -> text)));
    return labels;
  }

  private Spool spool(Path stateDir) {
    return new Spool(
        value("spool.dir", stateDir.resolve("spool"), ConfigReader::path),
        bytes("spool.max_bytes", 256L << 20, 1L << 16, 1L << 40),
        bytes("spool.segment_bytes", 8L << 20, 1L << 12, 1L << 30));
  }

  /**
   * A part whose constructor may refuse how its values go together; null then, and a problem noted.
   */
  private <T> T checked(String section, Supplier<T> part) {
    try {
      return part.get();
    } catch (IllegalArgumentException e) {
      String where =
          below(section + ".").values().stream().map(Written::where).findFirst().orElse("defaults");
      problems.add(where + ": " + e.getMessage());
      return null;
    }
  }

  private Map<String, Written> below(String prefix) {
    Map<String, Written> below = new TreeMap<>();
    written.forEach((key, value) -> {
      if (key.startsWith(prefix)) {
        below.put(key.substring(prefix.length()), value);
      }
    });
    return below;
  }

  private <T> T value(String key, T otherwise, Function<String, T> parse) {
    known.add(key);
    Written value = written.get(key);
    if (value == null) {
      return otherwise;
    }
    if (value.list()) {
      problem(value, key, "a single value");
      return otherwise;
    }
    try {
      return parse.apply(value.texts().getFirst().strip());
    } catch (IllegalArgumentException e) {
      problem(value, key, e.getMessage());
      return otherwise;
    }
  }

  private List<String> list(String key, List<String> otherwise) {
    known.add(key);
    Written value = written.get(key);
    if (value == null) {
      return otherwise;
    }
    return value.texts().stream()
        .flatMap(text -> List.of(text.split(",", -1)).stream())
        .map(String::strip)
        .filter(text -> !text.isEmpty())
        .toList();
  }

  private Duration duration(String key, Duration otherwise, Duration least) {
    return value(
        key,
        otherwise,
        text -> {
          Duration duration = Values.duration(text);
          if (duration.compareTo(least) < 0) {
            throw new IllegalArgumentException("a duration of at least " + Values.text(least));
          }
          return duration;
        });
  }

  private long bytes(String key, long otherwise, long least, long most) {
    return value(
        key,
        otherwise,
        text -> {
          long bytes = Values.bytes(text);
          if (bytes < least || bytes > most) {
            throw new IllegalArgumentException("a size of %d to %d bytes".formatted(least, most));
          }
          return bytes;
        });
  }

  private void refuseUnknown() {
    written.forEach((key, value) -> {
      if (!known.contains(key) && !key.startsWith(PROBES) && !key.startsWith(PROPERTIES)) {
        problems.add(
            "%s: %s: unknown key (value %s)%s"
                .formatted(
                    value.where(),
                    key,
                    value.said(),
                    Suggestion.of(key, known)
                        .map(near -> "; did you mean " + near + "?")
                        .orElse(
                            "; known are "
                                + String.join(", ", known)
                                + ", probes.<name>.<tunable>")));
      }
    });
  }

  private void problem(Written value, String key, String allowed) {
    problems.add("%s: %s: %s is refused: %s".formatted(value.where(), key, value.said(), allowed));
  }

  private static Optional<Path> folder(String text) {
    return text.equals("none") ? Optional.empty() : Optional.of(path(text));
  }

  private static double percent(String text) {
    double percent;
    try {
      percent = Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("a number, of one CPU", e);
    }
    if (!(percent >= 0.01 && percent <= 100_000)) {
      throw new IllegalArgumentException("0.01 to 100000, of one CPU");
    }
    return percent;
  }

  private static boolean trueOrFalse(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("true or false");
    };
  }

  private static Channel channel(String text) {
    return switch (text) {
      case "auto" -> Channel.AUTO;
      case "ringbuf" -> Channel.RINGBUF;
      case "perf" -> Channel.PERF;
      default -> throw new IllegalArgumentException("auto, ringbuf or perf");
    };
  }

  private static OptionalInt channelBytes(String text) {
    if (text.equals("auto")) {
      return OptionalInt.empty();
    }
    long bytes = Values.bytes(text);
    if (Long.bitCount(bytes) != 1 || bytes < 1 << 12 || bytes > 1 << 29) {
      throw new IllegalArgumentException("auto, or a power of two of 4KiB to 512MiB");
    }
    return OptionalInt.of((int) bytes);
  }

  private static OptionalLong perfMapBytes(String text) {
    if (text.equals("none")) {
      return OptionalLong.empty();
    }
    long bytes = Values.bytes(text);
    // The agent's whole heap has 32 MiB.
    if (bytes < 256 << 10 || bytes > 8 << 20) {
      throw new IllegalArgumentException("none, or a size of 256KiB to 8MiB");
    }
    return OptionalLong.of(bytes);
  }

  private static Path path(String text) {
    Path path = Path.of(text);
    if (!path.isAbsolute()) {
      throw new IllegalArgumentException("an absolute path");
    }
    return path;
  }

  private static URI httpAddress(String text) {
    try {
      URI uri = new URI(text);
      if (uri.getHost() != null && List.of("http", "https").contains(uri.getScheme())) {
        return uri;
      }
    } catch (URISyntaxException notAnAddress) {
      // said below, with what is allowed
    }
    throw new IllegalArgumentException("an address as http://host:port/apis/ccompat/v7");
  }

  private static Optional<Integer> port(String text) {
    if (text.equals("none")) {
      return Optional.empty();
    }
    try {
      int port = Integer.parseInt(text);
      if (port >= 0 && port <= 65535) {
        return Optional.of(port);
      }
    } catch (NumberFormatException notANumber) {
      // said below, with what is allowed
    }
    throw new IllegalArgumentException("a port of 1 to 65535, 0 for any free one, or none");
  }
}
