package io.bianque.streams.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.bianque.streams.part.Part;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
  @TempDir Path folder;

  private Settings load(String text, Map<String, String> environment) throws Exception {
    Path file = folder.resolve("streams.yaml");
    Files.writeString(file, text);
    return Settings.load(Optional.of(file), environment);
  }

  private void assertRefused(String text, Map<String, String> environment, String... says) {
    assertThatExceptionOfType(InvalidSettings.class)
        .isThrownBy(() -> load(text, environment))
        .satisfies(e -> assertThat(e.getMessage()).contains(says));
  }

  @Test
  void theShippedFileSaysTheDefaults() {
    Settings shipped = Settings.load(Optional.of(Path.of("src/main/dist/streams.yaml")), Map.of());
    Settings defaults = Settings.load(Optional.empty(), Map.of());
    assertThat(shipped).usingRecursiveComparison().ignoringFields("rulesFile").isEqualTo(defaults);
    assertThat(shipped.rulesFile())
        .hasValueSatisfying(path -> assertThat(path).isAbsolute().hasFileName("rules.yaml"));
  }

  @Test
  void theEnvironmentOverridesTheFile() throws Exception {
    Settings settings =
        load(
            "threads: 2\ndns:\n  servers: [10.0.0.1]\nkafka:\n  security.protocol: SSL\n",
            Map.of(
                "BIANQUE_STREAMS_DNS_SERVERS", "10.0.0.53,10.0.1.53:5353",
                "BIANQUE_STREAMS_RULES_ENABLE", "a, b",
                "BIANQUE_STREAMS_WAIT_NAMES", "100ms",
                "BIANQUE_STREAMS_STANDBY_REPLICAS", "1",
                "BIANQUE_STREAMS_KAFKA_SASL_MECHANISM", "PLAIN",
                "PATH", "/bin"));
    assertThat(settings.threads()).isEqualTo(2);
    assertThat(settings.standbyReplicas()).isEqualTo(1);
    assertThat(settings.dns().servers())
        .containsExactly(
            new InetSocketAddress("10.0.0.53", 53), new InetSocketAddress("10.0.1.53", 5353));
    assertThat(settings.rulesEnable()).isEqualTo(Set.of("a", "b"));
    assertThat(settings.enrich().namesWait()).isEqualTo(Duration.ofMillis(100));
    assertThat(settings.kafka())
        .isEqualTo(Map.of("security.protocol", "SSL", "sasl.mechanism", "PLAIN"));
  }

  @Test
  void pathsAreMeantFromWhereTheFileLies() throws Exception {
    assertThat(load("state_dir: state\nrules: my.yaml\n", Map.of()).stateDir())
        .isEqualTo(folder.resolve("state"));
    assertThat(load("networks: my.yaml\n", Map.of()).networksFile())
        .contains(folder.resolve("my.yaml"));
  }

  @Test
  void partsThatRunWithoutTheOthersAreAnApplicationOfTheirOwn() throws Exception {
    assertThat(load("", Map.of()).topology()).containsExactly(Part.values());
    assertThat(load("", Map.of()).applicationId()).isEqualTo("bianque-streams");
    Settings alone = load("application_id: a\ntopology: [symbol-requests]\n", Map.of());
    assertThat(alone.topology()).containsExactly(Part.SYMBOL_REQUESTS);
    assertThat(alone.applicationId()).isEqualTo("a-symbol-requests");

    Path file = folder.resolve("streams.yaml");
    Map<String, String> environment = Map.of("BIANQUE_STREAMS_TOPOLOGY", "enrich");
    assertThat(load("topology: symbol-requests", environment).topology())
        .containsExactly(Part.ENRICH);
    assertThat(Settings.load(Optional.of(file), environment, Optional.of("all")).applicationId())
        .isEqualTo("bianque-streams");
  }

  @Test
  void aPartThatIsNotThereIsRefusedWithThoseThatAre() {
    assertRefused(
        "topology: [symbol-requests, enrihc]",
        Map.of(),
        "streams.yaml:1:11: topology: there is no part 'enrihc' (did you mean 'enrich'?);"
            + " there are: enrich, symbol-requests; or all");
    assertRefused("topology: []", Map.of(), "streams.yaml:1:11: topology: no part is named");
  }

  @Test
  void namesComeFromDnsUnlessItIsSaidOtherwise() throws Exception {
    assertThat(load("", Map.of()).names()).isEqualTo(Settings.NamesFrom.DNS);
    assertThat(load("names: {from: topic}", Map.of()).names()).isEqualTo(Settings.NamesFrom.TOPIC);
    assertThat(load("names: {from: none}", Map.of()).names()).isEqualTo(Settings.NamesFrom.NONE);
    assertRefused(
        "names: {from: hosts}",
        Map.of(),
        "streams.yaml:1:15: names.from: 'hosts' is not allowed; it must be dns, topic or none");
  }

  @Test
  void anUnknownKeyIsRefusedWithItsPlaceAndTheOneThatWasMeant() {
    assertRefused(
        "threads: 1\ndns:\n  server: [a]\n",
        Map.of(),
        "streams.yaml:3:11",
        "'dns.server'",
        "'dns.servers'");
  }

  @Test
  void everyBadValueIsSaidAtOnceWithWhatIsAllowed() {
    assertRefused(
        "threads: many\nwait:\n  facts: 3 days\nregistry_url: nowhere\nmemory: {symbols: 5}\n",
        Map.of("BIANQUE_STREAMS_HTTP_PORT", "99999"),
        "streams.yaml:1:10: threads: 'many' is not allowed; it must be a number from 1 to 64",
        "streams.yaml:3:10: wait.facts: '3 days'",
        "streams.yaml:4:15: registry_url",
        "streams.yaml:5:19: memory.symbols",
        "BIANQUE_STREAMS_HTTP_PORT: http_port: '99999'");
  }

  @Test
  void anEnvironmentVariableThatSetsNothingIsRefused() {
    assertRefused(
        "",
        Map.of("BIANQUE_STREAMS_TREADS", "2"),
        "BIANQUE_STREAMS_TREADS",
        "BIANQUE_STREAMS_THREADS");
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    assertThatExceptionOfType(InvalidSettings.class)
        .isThrownBy(() -> Settings.load(Optional.of(folder.resolve("no.yaml")), Map.of()))
        .withMessageContaining("no.yaml: there is no such file");
  }
}
