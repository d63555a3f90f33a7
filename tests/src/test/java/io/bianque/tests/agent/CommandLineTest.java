package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mistakes that people make, as they see them answered. */
@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class CommandLineTest {
  private static final int USAGE = 2;

  private final AgentProcess agent;
  @TempDir Path folder;

  CommandLineTest(Components components, @TempDir Path state) {
    this.agent = new AgentProcess(components, state, Map.of());
  }

  @Test
  void everyMistakeInTheFileIsNamedAtOnceWithItsLineAndWhatIsAllowed() throws Exception {
    Path file = folder.resolve("agent.yaml");
    Files.writeString(
        file,
        """
        spool:
          max_byte: 1GiB
          segment_bytes: huge
        events:
          channel: pipe
          idle_interval: 100
        intervals:
          stop: -1s
        blacklist: {dropwatch: true}
        kafka:
          properties:
            acks: 1
            linger.ms: soon
            ssl.keystor.location: /etc/agent.pem
        probes:
          dropwatch:
            enabled: perhaps
        """);
    String output = agent.run("--config", file.toString()).refusedWith(USAGE).output();
    assertThat(output)
        .contains("the configuration is refused")
        .contains(file + ":2:13: spool.max_byte: unknown key", "did you mean spool.max_bytes?")
        .contains(file + ":3:18: spool.segment_bytes: \"huge\" is refused: a size in bytes")
        .contains(file + ":5:12: events.channel: \"pipe\" is refused: auto, ringbuf or perf")
        .contains(
            file + ":6:18: events.idle_interval: \"100\" is refused: a duration with its unit")
        .contains(file + ":8:9: intervals.stop: \"-1s\" is refused")
        .contains(file + ":9:24: blacklist.dropwatch: unknown key")
        .contains(file + ":12:11: kafka.properties.acks: \"1\" is refused: is the agent's own")
        .contains(file + ":13:16: kafka.properties.linger.ms: \"soon\" is refused: ")
        .contains("did you mean ssl.keystore.location?")
        .contains(file + ":17:14: probes.dropwatch.enabled: \"perhaps\" is refused: true or false");
  }

  @Test
  void anAddressThatIsNoneIsRefusedAndNotTriedForEver() throws Exception {
    Path file = folder.resolve("agent.yaml");
    // The environment, which would override the file, is the test's own for these two keys.
    for (String bad :
        List.of(
            "kafka.bootstrap_servers=broker",
            "registry.url=not an address",
            "registry.url=ftp://registry")) {
      String key = bad.substring(0, bad.indexOf('='));
      String value = bad.substring(bad.indexOf('=') + 1);
      assertThat(agent.with(key, value).run().refusedWith(USAGE).output())
          .contains(
              "BIANQUE_AGENT_",
              key,
              value,
              key.startsWith("kafka") ? "host:port" : "http://host:port");
    }
    Files.writeString(file, "probes: &all\n  dropwatch: *all\n");
    assertThat(agent.run("--config", file.toString()).refusedWith(USAGE).output())
        .contains("holds itself");
    Files.writeString(file, "spool: [\n");
    assertThat(agent.run("--config", file.toString()).refusedWith(USAGE).output())
        .contains(file + ":", "not YAML");
  }

  @Test
  void aFileThatIsNotThereOrCannotBeReadIsNamed() throws Exception {
    Path none = folder.resolve("none.yaml");
    assertThat(agent.run("--config", none.toString()).refusedWith(USAGE).output())
        .contains(none + ": cannot be read", "no such file");
    assertThat(agent.run("--config", folder.toString()).refusedWith(USAGE).output())
        .contains(folder + ": cannot be read", "Is a directory");
  }

  @Test
  void argumentsThatAreNotUnderstoodAreSaidBack() throws Exception {
    Map<List<String>, String> mistakes =
        Map.of(
            List.of("--confg", "x"), "unknown argument --confg",
            List.of("--config"), "--config needs a value",
            List.of("--play", "x", "--rate", "fast"), "--rate fast: a number",
            List.of("--record", "x", "--play", "y"), "--play cannot go together",
            List.of("--duration", "5"), "--duration goes with another command",
            List.of("doctor", "--output", "xml"), "--output xml: only json is known");
    for (Map.Entry<List<String>, String> mistake : mistakes.entrySet()) {
      assertThat(agent.run(mistake.getKey().toArray(String[]::new)).refusedWith(USAGE).output())
          .contains(mistake.getValue(), "--help");
    }
  }
}
