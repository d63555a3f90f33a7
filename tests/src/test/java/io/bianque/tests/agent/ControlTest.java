package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlRequest;
import io.bianque.facts.ControlSelector;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.WireFormat;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class ControlTest {
  private static final int FIRST = NumberedDrops.FIRST_PORT;
  private static final int PER_SECOND = 2_000;
  private static final String LIMIT = "max_events_per_second=5";

  /** An event a millisecond and more of a limit of 5 a second: nearly all are refused. */
  private static final int DROPS = 500;

  private final Components components;
  private final Operator operator;
  private String label;
  @TempDir Path folder;

  ControlTest(Components components) {
    this.components = components;
    this.operator = new Operator(components);
  }

  /** By a label of its own each test's agent is asked, and no other's. */
  @BeforeEach
  void label(TestInfo test) {
    label =
        "test=" + test.getTestMethod().orElseThrow().getName().toLowerCase(java.util.Locale.ROOT);
  }

  private AgentProcess agent(Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(more);
    settings.put("labels.test", label.substring("test=".length()));
    return new AgentProcess(components, folder, settings);
  }

  @Test
  void aProbeIsStoppedAndStartedAgainAndEveryEventIsAccountedFor() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = agent(Map.of())) {
      agent.start();
      NumberedDrops before = NumberedDrops.exactly(100, network, PER_SECOND, FIRST);

      JsonNode stopped = operator.control("stop", "dropwatch", "--label", label).applied();
      assertThat(stopped.path("probe_state").asText()).isEqualTo("stopped");
      assertThat(stopped.path("host_id").asText()).isEqualTo(agent.hostId());
      assertThat(state(agent)).isEqualTo("stopped");
      NumberedDrops unseen = NumberedDrops.exactly(100, network, PER_SECOND, FIRST + 100);

      JsonNode started = operator.control("start", "dropwatch", "--label", label).applied();
      assertThat(started.path("probe_state").asText()).isEqualTo("attached");
      NumberedDrops after = NumberedDrops.exactly(100, network, PER_SECOND, FIRST + 200);
      agent.untilGone();
      Published published = new Published(components, agent.hostId());
      assertThat(agent.stop().exit()).isEqualTo(143);

      List<GenericRecord> events = published.events();
      Published.mustBe(Published.numbers(before, events), 0, 100);
      assertThat(Published.numbers(unseen, events)).isEmpty();
      Published.mustBe(Published.numbers(after, events), 0, 100);
      long first = (long) events.getFirst().get("epoch");
      long second = (long) events.getLast().get("epoch");
      assertThat(second).isGreaterThan(first);
      mustBeCounted(published, events, first);
      mustBeCounted(published, events, second);
    }
  }

  /** The last counts of a life are said, though another life has begun. */
  private static void mustBeCounted(Published published, List<GenericRecord> events, long epoch) {
    GenericRecord last = published.lastCounters(epoch);
    long there = events.stream().filter(each -> (long) each.get("epoch") == epoch).count();
    assertThat(last.get("submitted")).isEqualTo(there);
    assertThat(last.get("acked")).isEqualTo(there);
    Published.mustBalance(last);
  }

  @Test
  void aTunableIsSeenByTheKernelAndGoesBackWhenItsTimeIsOver() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = agent(Map.of())) {
      agent.start();
      Instant sent = Instant.now();
      JsonNode tuned =
          operator
              .control("tune", "dropwatch", "--label", label, "--set", LIMIT, "--for", "15s")
              .applied();
      assertThat(Instant.parse(tuned.path("ends_at").asText()))
          .isBetween(sent.plusSeconds(15), sent.plusSeconds(45));
      mustBeLimited(network, agent, FIRST);
      assertThat(inForce(agent)).hasSize(1);

      await().atMost(Duration.ofSeconds(30)).until(() -> inForce(agent).isEmpty());
      mustBeUnlimited(network, agent, FIRST + DROPS);
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () -> assertThat(outcomes(agent.hostId())).containsExactly("APPLIED", "EXPIRED"));
    }
  }

  private static void mustBeLimited(NetnsPair network, AgentProcess agent, int port)
      throws Exception {
    long before = agent.metrics().events("rate_limited");
    var _ = NumberedDrops.exactly(DROPS, network, PER_SECOND, port);
    Metrics metrics =
        agent.until("the kernel has seen the drops", each -> each.events("attempted") >= DROPS);
    assertThat(metrics.events("rate_limited") - before).isGreaterThan(DROPS * 8 / 10);
  }

  private static void mustBeUnlimited(NetnsPair network, AgentProcess agent, int port)
      throws Exception {
    var _ = NumberedDrops.exactly(DROPS, network, PER_SECOND, port);
    Metrics metrics =
        agent.until("the kernel has seen the drops", each -> each.events("attempted") >= DROPS);
    assertThat(metrics.events("rate_limited")).isZero();
  }

  @Test
  void whatTheHostDoesNotAllowOrDoesNotHaveIsRefusedWithTheReasonAndChangesNothing()
      throws Exception {
    try (AgentProcess agent =
        agent(
            Map.of(
                "control.allow.longest", "10m",
                "control.allow.tunables.max_events_per_second", "1,1000",
                "control.allow.tunables.no_such_tunable", "0,1"))) {
      agent.start();
      double attempted = agent.metrics().events("attempted");
      assertThat(refusal("tune", "dropwatch", "--set", "max_events_per_second=5000"))
          .isEqualTo(
              "control.allow.tunables.max_events_per_second is 1 to 1000, asked for is 5000");
      assertThat(refusal("tune", "dropwatch", "--set", "channel_bytes=4096"))
          .startsWith("tunable channel_bytes is in no control.allow.tunables");
      assertThat(refusal("tune", "dropwatch", "--set", "no_such_tunable=1"))
          .contains("no tunable no_such_tunable; it has ", "max_events_per_second");
      assertThat(refusal("start", "nonesuch")).isEqualTo("no probe nonesuch; there are dropwatch");
      assertThat(refusal("stop", "dropwatch", "--for", "11m"))
          .isEqualTo("control.allow.longest is 600 s, asked for is 660 s");
      assertThat(state(agent)).isEqualTo("attached");
      assertThat(agent.metrics().events("attempted")).isGreaterThanOrEqualTo((long) attempted);
      assertThat(inForce(agent)).isEmpty();
      assertThat(agent.metrics().samples())
          .containsEntry("bianque_agent_control_outcomes_total{outcome=\"refused\"}", 5.0);
    }
  }

  private String refusal(String action, String probe, String... more) throws Exception {
    String[] arguments = new String[4 + more.length];
    System.arraycopy(new String[] {action, probe, "--label", label}, 0, arguments, 0, 4);
    System.arraycopy(more, 0, arguments, 4, more.length);
    return operator.control(arguments).refused();
  }

  @Test
  void whatIsOnTheBlackListIsNeverStarted() throws Exception {
    try (AgentProcess agent = agent(Map.of("blacklist", "dropwatch"))) {
      agent.launch();
      agent.untilLogSays("control requests are followed");
      assertThat(refusal("start", "dropwatch")).isEqualTo("probe dropwatch is on the black list");
      assertThat(state(agent)).isEqualTo("skipped");
    }
  }

  @Test
  void hostsThatAreNotMeantDoNothingAndNobodyWaitsForThem() throws Exception {
    try (AgentProcess agent = agent(Map.of())) {
      agent.start();
      Operator.Answer nobody =
          operator.control("stop", "dropwatch", "--host", "nobody", "--wait", "3s");
      assertThat(nobody.exit()).isEqualTo(1);
      assertThat(nobody.lines()).isEmpty();
      assertThat(nobody.errors()).contains("no host answered, and none that is known is meant");
      Operator.Answer otherKernel =
          operator.control(
              "stop", "dropwatch", "--label", label, "--kernel", "2.6.*", "--wait", "3s");
      assertThat(otherKernel.exit()).isEqualTo(1);
      assertThat(state(agent)).isEqualTo("attached");

      assertThat(agent.stop().exit()).isEqualTo(143);
      Operator.Answer away =
          operator.control("stop", "dropwatch", "--label", label, "--wait", "3s", "--for", "3s");
      assertThat(away.exit()).isEqualTo(1);
      assertThat(away.only().path("outcome").asText()).isEqualTo("no answer");
    }
  }

  @Test
  void recordsThatAreNoRequestsAreCountedAndSkipped() throws Exception {
    ControlRequest other =
        new ControlRequest(
            "another id",
            Instant.now(),
            "test",
            new ControlSelector(List.of(), Map.of(), null),
            "dropwatch",
            ControlAction.STOP,
            Map.of(),
            60_000L);
    RegistryClient registry = new RegistryClient(components.registry());
    int id =
        registry
            .lookup(Topics.subject(Topics.CONTROL), ControlRequest.getClassSchema())
            .orElseThrow();
    byte[] request = AvroWriter.specific(id, ControlRequest.class).write(other);
    try (AgentProcess agent = agent(Map.of());
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", components.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
      agent.start();
      double before = unreadable(agent);
      byte[] key = "garbage".getBytes(StandardCharsets.UTF_8);
      for (byte[] bad :
          List.of(
              "no Avro at all".getBytes(StandardCharsets.UTF_8),
              WireFormat.frame(999_999, new byte[] {1, 2, 3}),
              java.util.Arrays.copyOf(request, request.length - 5),
              new byte[0],
              request)) {
        producer.send(new ProducerRecord<>(Topics.CONTROL, key, bad)).get();
      }
      // Whatever came before it, the next good one is heard.
      var _ =
          operator
              .control("tune", "dropwatch", "--label", label, "--set", LIMIT, "--for", "20s")
              .applied();
      assertThat(unreadable(agent) - before).isEqualTo(5);
      assertThat(state(agent)).isEqualTo("attached");
      assertThat(agent.log())
          .contains(
              "is no request and is skipped: unknown-schema-id",
              "its key is garbage and its id another id");
      producer.send(new ProducerRecord<>(Topics.CONTROL, key, null)).get();
    }
  }

  private static double unreadable(AgentProcess agent) {
    return agent.metrics().samples().get("bianque_agent_control_unreadable_total");
  }

  @Test
  void anAgentThatWasRestartedAppliesWhatStillHolds() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = agent(Map.of())) {
      agent.start();
      String id =
          operator
              .control("tune", "dropwatch", "--label", label, "--set", LIMIT)
              .applied()
              .path("request_id")
              .asText();
      var _ = operator.control("stop", "dropwatch", "--label", label, "--for", "1s").only();
      agent.kill();

      agent.start();
      await().atMost(Duration.ofSeconds(20)).until(() -> inForce(agent).equals(List.of(id)));
      mustBeLimited(network, agent, FIRST);

      JsonNode withdrawn = operator.control("withdraw", id).only();
      assertThat(withdrawn.path("outcome").asText()).isEqualTo("ended");
      assertThat(withdrawn.path("reason").asText()).isEqualTo("withdrawn");
      assertThat(inForce(agent)).isEmpty();
      mustBeUnlimited(network, agent, FIRST + DROPS);
      assertThat(operator.control("list").lines().toString()).doesNotContain(id);
    }
  }

  @Test
  void whatHoldsEndsInTimeThoughTheBrokerIsAway() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = agent(Map.of())) {
      agent.start();
      var _ =
          operator
              .control("tune", "dropwatch", "--label", label, "--set", LIMIT, "--for", "12s")
              .applied();
      components.kill(Component.BROKER);
      try {
        mustBeLimited(network, agent, FIRST);
        await().atMost(Duration.ofSeconds(30)).until(() -> inForce(agent).isEmpty());
        mustBeUnlimited(network, agent, FIRST + DROPS);
      } finally {
        components.start(Component.BROKER);
      }
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(() -> assertThat(outcomes(agent.hostId())).endsWith("EXPIRED"));
      // The first fetch after the broker's return may be for the other topic alone, for 5 s.
      var _ = operator.control("stop", "dropwatch", "--label", label, "--for", "20s").applied();
    }
  }

  @Test
  void aResetSetsAsideWhatWasAskedBefore() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = agent(Map.of())) {
      agent.start();
      var _ =
          operator
              .control("tune", "dropwatch", "--label", label, "--set", LIMIT, "--for", "5m")
              .applied();
      mustBeLimited(network, agent, FIRST);
      var _ = operator.control("reset", "dropwatch", "--label", label).applied();
      mustBeUnlimited(network, agent, FIRST + DROPS);
    }
  }

  private List<String> outcomes(String hostId) {
    Published published = new Published(components, hostId);
    return published.records(Topics.CONTROL_OUTCOMES).stream()
        .map(each -> published.value(each).get("outcome").toString())
        .toList();
  }

  private static String state(AgentProcess agent) {
    return agent.health().at("/probes/0/state").asText();
  }

  private static List<String> inForce(AgentProcess agent) {
    return agent.health().at("/control/in_force").findValuesAsText("request_id");
  }
}
