package io.bianque.streams.config;

import io.bianque.streams.config.SettingsFile.Value;
import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.enrich.EnrichSettings;
import io.bianque.streams.part.Part;
import io.bianque.streams.rule.Spelling;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * How the stream tier runs. Immutable; every value has been checked.
 *
 * @param applicationId of the parts that run
 * @param topology parts that run
 * @param standbyReplicas processes that hold a copy of a task's state beside the one that has the
 *     task
 * @param rulesFile empty for no rules
 * @param networksFile empty for no table of networks
 * @param names where names of addresses come from
 * @param dns how it is asked, where names come from there
 * @param symbolsMemory heap that symbol tables may take, in bytes
 * @param rocksdbMemory memory outside the heap that all state stores may take together, in bytes
 * @param httpPort on the loopback interface; 0 for any that is free
 * @param kafka settings of Kafka's own, for every client: security.protocol and the like
 */
public record Settings(
    String bootstrapServers,
    URI registryUrl,
    String applicationId,
    Set<Part> topology,
    Path stateDir,
    int threads,
    int standbyReplicas,
    Duration commitInterval,
    Optional<Path> rulesFile,
    Set<String> rulesEnable,
    Set<String> rulesDisable,
    Optional<Path> networksFile,
    NamesFrom names,
    ReverseNames.Settings dns,
    EnrichSettings enrich,
    long symbolsMemory,
    long rocksdbMemory,
    int httpPort,
    Map<String, String> kafka) {
  /** Where names of addresses come from. */
  public enum NamesFrom {
    DNS,
    /** What a tier that asked DNS has recorded. */
    TOPIC,
    NONE
  }

  /** Prefix of the environment's overrides: BIANQUE_STREAMS_DNS_SERVERS is dns.servers. */
  public static final String ENVIRONMENT = "BIANQUE_STREAMS_";

  private static final String KAFKA = "kafka.";

  /** Keys with their defaults; empty means none. */
  private static final Map<String, String> DEFAULTS = new LinkedHashMap<>();

  static {
    DEFAULTS.put("bootstrap_servers", "127.0.0.1:19092");
    DEFAULTS.put("registry_url", "http://127.0.0.1:19091/apis/ccompat/v7");
    DEFAULTS.put("application_id", "bianque-streams");
    DEFAULTS.put("topology", Part.ALL);
    DEFAULTS.put("state_dir", "/var/lib/bianque/streams");
    DEFAULTS.put("threads", "1");
    DEFAULTS.put("standby_replicas", "0");
    DEFAULTS.put("commit_interval", "500ms");
    DEFAULTS.put("rules", "");
    DEFAULTS.put("rules_enable", "");
    DEFAULTS.put("rules_disable", "");
    DEFAULTS.put("networks", "");
    DEFAULTS.put("names.from", "dns");
    DEFAULTS.put("dns.servers", "");
    DEFAULTS.put("dns.timeout", "2s");
    DEFAULTS.put("dns.cache_entries", "20000");
    DEFAULTS.put("wait.facts", "30s");
    DEFAULTS.put("wait.symbols", "30s");
    DEFAULTS.put("wait.containers", "5s");
    DEFAULTS.put("wait.names", "250ms");
    DEFAULTS.put("wait.events", "10000");
    DEFAULTS.put("memory.symbols", "32MiB");
    DEFAULTS.put("memory.rocksdb", "24MiB");
    DEFAULTS.put("http_port", "19098");
  }

  /** Reads the file, if one is given, and the environment over it, as below. */
  public static Settings load(Optional<Path> file, Map<String, String> environment) {
    return load(file, environment, Optional.empty());
  }

  /**
   * Reads the file, if one is given, and the environment over it.
   *
   * @param topology over both: parts that run, with commas between them
   * @throws InvalidSettings naming each mistake, where it is and what is allowed
   */
  public static Settings load(
      Optional<Path> file, Map<String, String> environment, Optional<String> topology) {
    Map<String, Value> values = new LinkedHashMap<>();
    file.ifPresent(path -> values.putAll(SettingsFile.parse(path.toString(), read(path))));
    List<String> mistakes = new ArrayList<>();
    environment.forEach((name, text) -> fromEnvironment(name, text, values, mistakes));
    topology.ifPresent(text -> values.put("topology", new Value(text, "--topology")));
    values.forEach((key, value) -> {
      if (!DEFAULTS.containsKey(key) && !key.startsWith(KAFKA)) {
        mistakes.add(
            "%s: unknown key '%s'%s; allowed: %s, kafka.*"
                .formatted(
                    value.place(),
                    key,
                    Spelling.hint(key, DEFAULTS.keySet()),
                    String.join(", ", DEFAULTS.keySet())));
      }
    });
    Reader reader = new Reader(values, mistakes);
    // A path in the file is meant from where the file lies.
    Path base =
        file.map(path -> path.toAbsolutePath().getParent()).orElse(Path.of("").toAbsolutePath());
    Settings settings = reader.settings(base);
    if (!mistakes.isEmpty()) {
      throw new InvalidSettings(mistakes);
    }
    return settings;
  }

  private static String read(Path path) {
    try {
      return Files.readString(path);
    } catch (NoSuchFileException e) {
      throw new InvalidSettings(List.of(path + ": there is no such file"));
    } catch (IOException e) {
      throw new InvalidSettings(List.of(path + ": cannot be read: " + e));
    }
  }

  private static void fromEnvironment(
      String name, String text, Map<String, Value> values, List<String> mistakes) {
    if (!name.startsWith(ENVIRONMENT)) {
      return;
    }
    String wanted = name.substring(ENVIRONMENT.length());
    Optional<String> key =
        DEFAULTS.keySet().stream()
            .filter(k -> k.replace('.', '_').toUpperCase(Locale.ROOT).equals(wanted))
            .findFirst();
    if (key.isPresent()) {
      values.put(key.get(), new Value(text, name));
    } else if (wanted.startsWith("KAFKA_")) {
      String property =
          wanted.substring("KAFKA_".length()).toLowerCase(Locale.ROOT).replace('_', '.');
      values.put(KAFKA + property, new Value(text, name));
    } else {
      mistakes.add(
          "environment variable %s sets nothing%s"
              .formatted(
                  name,
                  Spelling.hint(
                      name,
                      DEFAULTS.keySet().stream()
                          .map(k -> ENVIRONMENT + k.replace('.', '_').toUpperCase(Locale.ROOT))
                          .toList())));
    }
  }

  /** Turns texts into values; keeps every mistake. */
  private static final class Reader {
    private final Map<String, Value> values;
    private final List<String> mistakes;

    Reader(Map<String, Value> values, List<String> mistakes) {
      this.values = values;
      this.mistakes = mistakes;
    }

    Settings settings(Path base) {
      EnrichSettings enrich = EnrichSettings.defaults();
      ReverseNames.Settings dns = ReverseNames.Settings.defaults();
      Map<String, String> kafka = new LinkedHashMap<>();
      values.forEach((key, value) -> {
        if (key.startsWith(KAFKA)) {
          kafka.put(key.substring(KAFKA.length()), value.text());
        }
      });
      Set<Part> topology = topology();
      return new Settings(
          text("bootstrap_servers"),
          value(
              "registry_url",
              "a URL as http://host:port/apis/ccompat/v7",
              Reader::http,
              URI.create("http://x")),
          Part.applicationId(text("application_id"), topology),
          topology,
          base.resolve(text("state_dir")),
          number("threads", 1, 64),
          number("standby_replicas", 0, 9),
          duration("commit_interval"),
          Optional.of(text("rules")).filter(name -> !name.isBlank()).map(base::resolve),
          new LinkedHashSet<>(list("rules_enable")),
          new LinkedHashSet<>(list("rules_disable")),
          Optional.of(text("networks")).filter(name -> !name.isBlank()).map(base::resolve),
          value("names.from", "dns, topic or none", Reader::namesFrom, NamesFrom.DNS),
          new ReverseNames.Settings(
              list("dns.servers").stream().map(text -> address("dns.servers", text, 53)).toList(),
              duration("dns.timeout"),
              number("dns.cache_entries", 1, 10_000_000),
              dns.concurrent(),
              dns.queued(),
              dns.breakerFailures(),
              dns.breakerPause()),
          new EnrichSettings(
              duration("wait.facts"),
              duration("wait.symbols"),
              duration("wait.containers"),
              duration("wait.names"),
              enrich.absentFor(),
              number("wait.events", 1, 10_000_000),
              enrich.keepState(),
              enrich.maxRecordBytes()),
          bytes("memory.symbols"),
          bytes("memory.rocksdb"),
          number("http_port", 0, 65_535),
          Map.copyOf(kafka));
    }

    private static URI http(String text) {
      URI uri = URI.create(text);
      if (uri.getHost() == null || uri.getScheme() == null || !uri.getScheme().startsWith("http")) {
        throw new IllegalArgumentException();
      }
      return uri;
    }

    private String text(String key) {
      Value value = values.get(key);
      return value == null ? DEFAULTS.get(key) : value.text();
    }

    private List<String> list(String key) {
      return Stream.of(text(key).split(","))
          .map(String::strip)
          .filter(item -> !item.isEmpty())
          .toList();
    }

    /** The value, or {@code instead} after its mistake was noted. */
    private <T> T value(String key, String allowed, Function<String, T> parse, T instead) {
      return parsed(key, text(key), allowed, parse, instead);
    }

    private <T> T parsed(
        String key, String text, String allowed, Function<String, T> parse, T instead) {
      try {
        return parse.apply(text);
      } catch (IllegalArgumentException e) {
        Value value = values.get(key);
        mistakes.add(
            "%s: %s: '%s' is not allowed; it must be %s"
                .formatted(value == null ? "default" : value.place(), key, text, allowed));
        return instead;
      }
    }

    private Set<Part> topology() {
      try {
        return Part.named(text("topology"));
      } catch (Part.Unknown e) {
        mistakes.add("%s: topology: %s".formatted(values.get("topology").place(), e.getMessage()));
        return EnumSet.allOf(Part.class);
      }
    }

    private static NamesFrom namesFrom(String text) {
      return switch (text) {
        case "dns" -> NamesFrom.DNS;
        case "topic" -> NamesFrom.TOPIC;
        case "none" -> NamesFrom.NONE;
        default -> throw new IllegalArgumentException();
      };
    }

    private int number(String key, int least, int most) {
      return value(
          key,
          "a number from " + least + " to " + most,
          text -> {
            int number = Integer.parseInt(text);
            if (number < least || number > most) {
              throw new IllegalArgumentException();
            }
            return number;
          },
          least);
    }

    private Duration duration(String key) {
      return value(
          key,
          "a duration as 250ms, 30s, 5m",
          text -> {
            String unit = text.replaceFirst("^[0-9]+", "");
            long number = Long.parseLong(text.substring(0, text.length() - unit.length()));
            return switch (unit) {
              case "ms" -> Duration.ofMillis(number);
              case "s" -> Duration.ofSeconds(number);
              case "m" -> Duration.ofMinutes(number);
              default -> throw new IllegalArgumentException();
            };
          },
          Duration.ZERO);
    }

    private long bytes(String key) {
      return value(
          key,
          "a size as 512KiB, 32MiB",
          text -> {
            String unit = text.replaceFirst("^[0-9]+", "");
            long number = Long.parseLong(text.substring(0, text.length() - unit.length()));
            return switch (unit) {
              case "KiB" -> number << 10;
              case "MiB" -> number << 20;
              case "GiB" -> number << 30;
              default -> throw new IllegalArgumentException();
            };
          },
          0L);
    }

    private InetSocketAddress address(String key, String text, int defaultPort) {
      return parsed(
          key,
          text,
          "an address as 10.0.0.53, 10.0.0.53:5353 or [fd00::53]:53",
          t -> {
            int colon = t.startsWith("[") ? t.indexOf(':', t.indexOf(']')) : t.lastIndexOf(':');
            String host = colon < 0 ? t : t.substring(0, colon);
            int port = colon < 0 ? defaultPort : Integer.parseInt(t.substring(colon + 1));
            return new InetSocketAddress(host.replaceAll("^\\[|\\]$", ""), port);
          },
          new InetSocketAddress(0));
    }
  }
}
