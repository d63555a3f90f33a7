package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.agent.Operator;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is given up, looked at and sent again. */
@RealComponents({Component.BROKER, Component.REGISTRY})
@Tag("kafka")
class DeadLettersTest {
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);

  private final Components components;
  private final Operator operator;

  /** Other tests' letters are in the same topic. */
  private final String reason = "schema-came-late-" + UUID.randomUUID();

  @TempDir Path folder;
  private Fleet fleet;
  private StreamsProcess streams;

  DeadLettersTest(Components components) {
    this.components = components;
    this.operator = new Operator(components);
  }

  @BeforeEach
  void start() throws Exception {
    fleet = new Fleet(components, 2);
    streams = new StreamsProcess(components, "letters-" + UUID.randomUUID(), folder, Map.of());
    streams.start();
    streams.awaitHealthy();
    fleet.facts();
    fleet.symbols();
  }

  @AfterEach
  void stop() {
    streams.close();
    fleet.close();
  }

  /** As long after as may be: their numbers have left the window against duplicates. */
  @Test
  void recordsThatCanBeReadByNowComeOutAsTheEventsThatTheyWere() throws Exception {
    fleet.letters(reason);
    for (int i = 0; i < 100; i++) {
      fleet.drops();
    }
    fleet.flush();
    int later = 100 * fleet.hosts.size();
    await().atMost(Duration.ofSeconds(60)).until(() -> fleet.committed(ENRICHED).size() == later);

    Operator.Answer listed = operator.run("dlq", "list", "--reason", reason);
    assertThat(listed.lines())
        .extracting(each -> each.path("key").asText())
        .containsExactlyInAnyOrderElementsOf(fleet.hosts);
    String first = listed.lines().getFirst().path("letter").asText();
    JsonNode shown = operator.run("dlq", "show", first).only();
    assertThat(shown.at("/record/comm").asText()).isEqualTo("test");
    assertThat(operator.run("dlq", "retry", "--reason", reason, "--dry-run").exit()).isZero();
    for (int i = 0; i < 2; i++) {
      Operator.Answer sent = operator.run("dlq", "retry", "--reason", reason);
      assertThat(sent.exit()).as(sent.errors()).isZero();
      assertThat(sent.lines())
          .extracting(each -> each.path("sent").asBoolean())
          .containsExactly(true, true);
    }

    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> fleet.committed(ENRICHED).size() == later + 2 * fleet.hosts.size());
    List<GenericRecord> letters =
        fleet.committed(ENRICHED, each -> Long.valueOf(1).equals(each.get("sequence")));
    assertThat(letters).hasSize(2 * fleet.hosts.size());
    // Sent twice, but as one event, which is one document.
    assertThat(letters)
        .extracting(each -> each.get("event_id").toString())
        .allMatch(id -> id.endsWith("-" + (Fleet.LETTERS + 1)) || id.endsWith("-" + Fleet.LETTERS));
    for (String host : fleet.hosts) {
      assertThat(
              letters.stream()
                  .filter(each -> each.get("host_id").toString().equals(host))
                  .map(each -> each.get("event_id").toString())
                  .distinct())
          .hasSize(1);
    }
  }

  @Test
  void recordThatStillCannotBeReadIsLeftWhereItIs() throws Exception {
    fleet.halfAnEvent();
    String host = fleet.hosts.getFirst();
    await().atMost(Duration.ofSeconds(60)).until(() -> !letters(host).isEmpty());
    assertThat(letters(host)).hasSize(1);
    String id = letters(host).getFirst().path("letter").asText();
    assertThat(operator.run("dlq", "show", id).only().path("unreadable").asText())
        .contains("truncated");

    Operator.Answer left = operator.run("dlq", "retry", id);
    assertThat(left.exit()).isEqualTo(1);
    assertThat(left.only().path("why").asText()).contains("still cannot be read");
    assertThat(operator.run("dlq", "retry", id, "--force").exit()).isZero();

    await().atMost(Duration.ofSeconds(60)).until(() -> letters(host).size() == 2);
  }

  @Test
  void whatIsNoLetterIsSaidToBe() throws Exception {
    assertThat(operator.run("dlq", "show", "17").errors()).contains("17 is no dead letter's id");
    assertThat(operator.run("dlq", "show", "99@0").errors())
        .contains("there is no dead letter 99@0");
    assertThat(operator.run("dlq", "retry").exit()).isEqualTo(2);
  }

  private List<JsonNode> letters(String host) throws Exception {
    return operator.run("dlq", "list", "--reason", "truncated", "--count", "1000").lines().stream()
        .filter(each -> each.path("key").asText().equals(host))
        .toList();
  }
}
