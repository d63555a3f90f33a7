package io.bianque.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.agent.probe.ProbeSettings.Channel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigReaderTest {
  private static final Path DIST = Path.of("/opt/bianque/agent");

  @TempDir Path dir;

  private AgentConfig read(String yaml, Map<String, String> environment) throws IOException {
    Path file = dir.resolve("agent.yaml");
    Files.writeString(file, yaml);
    return ConfigReader.read(Optional.of(file), environment, DIST);
  }

  private AgentConfig read(String yaml) throws IOException {
    return read(yaml, Map.of());
  }

  @Test
  void theShippedFileSaysTheDefaults() {
    AgentConfig defaults = ConfigReader.read(Optional.empty(), Map.of(), DIST);
    AgentConfig shipped =
        ConfigReader.read(Optional.of(Path.of("src/main/dist/agent.yaml")), Map.of(), DIST);
    assertThat(shipped).isEqualTo(defaults);
    assertThat(defaults.probeFolders()).containsExactly(DIST.resolve("probes"));
  }

  @Test
  void valuesAreReadWithTheirUnits() throws IOException {
    AgentConfig config =
        read(
            """
            kafka:
              bootstrap_servers: [a:9092, b:9092]
              properties:
                ssl.keystore.location: /etc/agent.pem
            events: {channel: perf, channel_bytes: 1MiB, idle_interval: 1s}
            spool: {dir: /spool, max_bytes: 1GiB, segment_bytes: 1048576}
            blacklist: [netrecv]
            probes:
              dropwatch:
                enabled: false
                max_events_per_second: 500
            """);
    assertThat(config.kafka().bootstrapServers()).containsExactly("a:9092", "b:9092");
    assertThat(config.kafka().properties())
        .containsEntry("ssl.keystore.location", "/etc/agent.pem");
    assertThat(config.events().channel()).isEqualTo(Channel.PERF);
    assertThat(config.events().channelBytes()).hasValue(1 << 20);
    assertThat(config.events().idleInterval()).isEqualTo(Duration.ofSeconds(1));
    assertThat(config.spool().maxBytes()).isEqualTo(1L << 30);
    assertThat(config.blacklist()).containsExactly("netrecv");
    assertThat(config.probe("dropwatch").enabled()).contains(false);
    assertThat(config.probe("dropwatch").tunables().get("max_events_per_second").text())
        .isEqualTo("500");
    assertThat(config.probe("another").enabled()).isEmpty();
  }

  @Test
  void theEnvironmentOverridesTheFile() throws IOException {
    AgentConfig config =
        read(
            "http: {port: 1}\nkafka: {bootstrap_servers: [a:1]}",
            Map.of(
                "BIANQUE_AGENT_HTTP__PORT", "none",
                "BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS", "x:1, y:2",
                "BIANQUE_AGENT_KAFKA__PROPERTIES__LINGER__MS", "5",
                "BIANQUE_AGENT_PROBES__DROPWATCH__MAX_EVENTS_PER_SECOND", "7",
                "PATH", "/bin"));
    assertThat(config.http().port()).isEmpty();
    assertThat(config.kafka().bootstrapServers()).containsExactly("x:1", "y:2");
    assertThat(config.kafka().properties()).containsEntry("linger.ms", "5");
    assertThat(config.probe("dropwatch").tunables().get("max_events_per_second").text())
        .isEqualTo("7");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "spol: {max_bytes: 1}                       | :1:19: spol.max_bytes: unknown key (value \"1\"); did you mean spool.max_bytes?",
        "http: {port: 70000}                        | :1:14: http.port: \"70000\" is refused: a port of 1 to 65535",
        "events: {idle_interval: 5}                 | :1:25: events.idle_interval: \"5\" is refused: a duration with its unit",
        "events: {channel: fast}                    | :1:19: events.channel: \"fast\" is refused: auto, ringbuf or perf",
        "events: {channel_bytes: 5000}              | a power of two of 4KiB to 512MiB",
        "events: {busy_interval: 10s}               | events.idle_interval 100ms is shorter than events.busy_interval 10s",
        "state_dir: var                             | :1:12: state_dir: \"var\" is refused: an absolute path",
        "registry: {url: 'ftp://x'}                 | http://host:port/apis/ccompat/v7",
        "spool: {max_bytes: 1MiB}                   | spool.max_bytes 1048576 is less than two segments",
        "spool: {max_bytes: [1, 2]}                 | spool.max_bytes: [1, 2] is refused: a single value",
        "kafka: {properties: {acks: 1}}             | kafka.properties.acks: \"1\" is refused: is the agent's own",
        "kafka: {properties: {linger: 1}}           | did you mean linger.ms?",
        "probes: {dropwatch: yes}                   | probes.dropwatch: \"yes\" is refused: expected probes.<name>.enabled",
        "probes: {dropwatch: {enabled: maybe}}      | probes.dropwatch.enabled: \"maybe\" is refused: true or false",
        "a: [                                       | not YAML",
        "just words                                 | expected sections and keys",
      })
  void whatIsNotAllowedIsRefusedWithItsPlace(String yaml, String message) {
    assertThatThrownBy(() -> read(yaml))
        .isInstanceOf(InvalidConfig.class)
        .hasMessageContaining(message);
  }

  @Test
  void allProblemsAreSaidAtOnce() {
    assertThatThrownBy(() -> read("http: {port: x}\nspool: {max: 1}\nhttp: {port: 1}\n"))
        .isInstanceOf(InvalidConfig.class)
        .message()
        .satisfies(message ->
            assertThat(List.of(message.split("\n")))
                .anyMatch(line -> line.contains("agent.yaml:1:14: http.port"))
                .anyMatch(line -> line.contains("agent.yaml:2:14: spool.max"))
                .anyMatch(line -> line.contains("agent.yaml:3:14: http.port: set already at")));
  }

  @Test
  void aMissingFileIsSaid() {
    Path missing = dir.resolve("none.yaml");
    assertThatThrownBy(() -> ConfigReader.read(Optional.of(missing), Map.of(), DIST))
        .isInstanceOf(InvalidConfig.class)
        .hasMessageContaining("none.yaml: cannot be read");
  }
}
