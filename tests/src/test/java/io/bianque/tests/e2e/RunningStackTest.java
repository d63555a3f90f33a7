package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.drops.NumberedDrops;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What may change on a host while the stack runs: its agent, and probes of its own. */
@Tag("e2e")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RunningStackTest {
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final int DROPS_PER_SECOND = 1_000;
  private static final String EXECS = "logs-bianque.execs-default";

  /** As made by createTempDirectory: for its owner alone. */
  private static final Path OWN_PROBES = temporary();

  /** Room for what drops in the seconds without an agent. */
  @RegisterExtension
  static final StackUnderTest STACK =
      StackUnderTest.ofThisCheckout(() ->
          Map.of(
              "BIANQUE_AGENT_OWN_PROBES",
              OWN_PROBES.toString(),
              "BIANQUE_AGENT_PROBES__DROPWATCH__MAX_EVENTS_PER_SECOND",
              "0",
              "BIANQUE_AGENT_PROBES__DROPWATCH__CHANNEL_BYTES",
              "33554432"));

  @TempDir Path folder;

  @AfterAll
  static void clean() throws IOException {
    try (var files = Files.list(OWN_PROBES)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(OWN_PROBES);
  }

  @Order(1)
  @Test
  void anAgentThatIsKilledAndStartedAgainLeavesNoGap() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        NumberedDrops drops = new NumberedDrops(network, DROPS_PER_SECOND)) {
      await().atMost(PATIENCE).until(() -> STACK.search().count(drops.query(0, 1)) == 1);
      int before = drops.sent();
      long killed = STACK.part("agent").path("pid").asLong();
      STACK.kill("agent");
      STACK.awaitRestart("agent", killed);
      int restarted = drops.sent();
      await().atMost(PATIENCE).until(() -> drops.sent() > restarted + 2 * DROPS_PER_SECOND);
      int sent = drops.stop();
      await().atMost(PATIENCE).until(() -> STACK.search().count(drops.query(0, sent)) >= sent);
      STACK.search().refresh();

      assertThat(drops.missing(STACK.search().ports(drops.query(0, sent)), sent)).isEmpty();
      assertThat(STACK.search().portsSeenTwice(drops.query(0, sent))).isEmpty();
      System.out.printf(
          "agent killed at %,d drops, back at %,d: %,d of %,d are documents, none twice%n",
          before, restarted, STACK.search().count(drops.query(0, sent)), sent);
    }
  }

  @Order(2)
  @Test
  void aProbeOfOnesOwnReachesElasticsearchWithoutARestart() throws Exception {
    Path example = STACK.checkout().folder().resolve("examples/execs/execs.bpf.c");
    long agent = STACK.part("agent").path("pid").asLong();
    long streams = STACK.part("streams").path("pid").asLong();
    System.out.println(STACK.bianque("probe build " + example + " --into " + folder).succeeded());
    System.out.println(STACK.bianque("probe add " + folder).succeeded());
    awaitLog("probe execs: Attached");

    JsonNode document = awaitExecutionOf("bq-own-probe");

    assertThat(document.at("/process/parent/name").asText()).isNotEmpty();
    assertThat(document.at("/host/id").asText()).isNotEmpty();
    assertThat(document.toString()).contains("execve");
    assertThat(STACK.part("agent").path("pid").asLong()).isEqualTo(agent);
    assertThat(STACK.part("streams").path("pid").asLong()).isEqualTo(streams);
  }

  @Order(3)
  @Test
  void aBrokenOneIsRefusedAndHarmsNothing() throws Exception {
    long agent = STACK.part("agent").path("pid").asLong();
    Files.writeString(OWN_PROBES.resolve("broken.bpf.o"), "no object");
    Files.writeString(OWN_PROBES.resolve("broken.avsc"), "{\"no\": \"schema\"}");
    // A name that is taken; a pair that does not agree.
    Files.copy(OWN_PROBES.resolve("execs.bpf.o"), OWN_PROBES.resolve("dropwatch.bpf.o"));
    Files.copy(OWN_PROBES.resolve("execs.bpf.o"), OWN_PROBES.resolve("other.bpf.o"));
    Files.writeString(
        OWN_PROBES.resolve("other.avsc"),
        Files.readString(OWN_PROBES.resolve("execs.avsc")).replace("execs", "other"));
    awaitLog("broken.avsc is no Avro schema");
    awaitLog("probe broken: Failed");
    awaitLog("there is a probe dropwatch already");
    awaitLog("probe other: Failed");

    assertThat(awaitExecutionOf("bq-still-there")).isNotNull();
    assertThat(STACK.part("agent").path("pid").asLong()).isEqualTo(agent);
  }

  @Order(4)
  @Test
  void whatIsTakenAwayIsStopped() {
    assertThat(STACK.bianque("probe remove execs").succeeded()).contains("taken away");
    awaitLog("probe execs is gone from its folder and stopped");
    assertThat(STACK.bianque("probe remove execs").exit()).isEqualTo(1);
  }

  /** Runs a program of that name until its document is there. */
  private JsonNode awaitExecutionOf(String name) throws IOException {
    Path program =
        Files.copy(Path.of("/bin/true"), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    String query = "{\"term\": {\"process.name\": \"" + name + "\"}}";
    List<JsonNode> found =
        await()
            .atMost(PATIENCE)
            .pollInterval(Duration.ofSeconds(1))
            .until(
                () -> {
                  assertThat(new ProcessBuilder(program.toString()).start().waitFor()).isZero();
                  return STACK.search().documents(EXECS, query);
                },
                documents -> !documents.isEmpty());
    return found.getFirst();
  }

  private static void awaitLog(String words) {
    await().atMost(PATIENCE).until(() -> STACK.log("agent").contains(words));
  }

  private static Path temporary() {
    try {
      return Files.createTempDirectory("bianque-own-probes");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
