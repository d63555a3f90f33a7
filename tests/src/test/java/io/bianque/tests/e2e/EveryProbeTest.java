package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * On this machine's own kernel: of every stream of the catalogue an event happens, and is a
 * document in Elasticsearch that says so. What this kernel or machine cannot have is skipped, in
 * the agent's own words where it is the agent that cannot.
 */
@Tag("e2e")
class EveryProbeTest {
  /** Counts are published every 10 s, and this machine may be busy. */
  private static final Duration SEEN_WITHIN = Duration.ofMinutes(2);

  private static final Catalogue CATALOGUE = Catalogue.load();

  /** A function by its name: what has none is the kernel's build id. */
  private static final String FRAME =
      "(?![0-9a-f]{40}\\+)[A-Za-z_][\\w.]*\\+0x[0-9a-f]+( \\[\\w+])?";

  /** Programs of a distribution have no names but those that they export, nor frame pointers. */
  private static final String OF_STRIPPED_PROGRAMS =
      "symbols: (no function of \\S+ [0-9a-f]{40} is known|an address of user space lies) .*";

  /** By default only what takes long is an event of these two. */
  @RegisterExtension
  static final StackUnderTest STACK =
      StackUnderTest.ofThisCheckout(() ->
          Map.of(
              "BIANQUE_AGENT_PROBES__MEMORY_RECLAIM__THRESHOLD_NS", "0",
              "BIANQUE_AGENT_PROBES__MEMORY_COMPACT__THRESHOLD_NS", "0"));

  private static GenericRecord host;

  @TempDir Path folder;

  @BeforeAll
  static void begin() {
    STACK.awaitFirstDocument();
    host = new Topic(STACK.ports(), Topics.HOSTS).records().getFirst();
  }

  static List<String> streams() {
    return CATALOGUE.probes();
  }

  @Test
  void everyStreamHasAnEvent() {
    assertThat(RealEvents.OF_STREAM.keySet())
        .as("events of RealEvents: a stream of the catalogue needs one")
        .containsExactlyInAnyOrderElementsOf(streams());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("streams")
  void isInElasticsearch(String stream) throws Exception {
    mustBeSeen(stream, RealEvents.OF_STREAM.get(stream));
  }

  /** Through the kernel's init text, which is freed by then and keeps its names. */
  @Test
  void theIdleTaskOfCpu0IsNamedDownToTheStartOfTheKernel() throws Exception {
    mustBeSeen("perf", RealEvents::samplesOfTheIdleTaskOfCpu0);
  }

  private void mustBeSeen(String stream, RealEvents.Event event) throws Exception {
    mustBeRunning(stream);
    Instant before = Instant.now();
    try (RealEvents events = new RealEvents(STACK, folder)) {
      RealEvents.Expected expected = event.happen(events);
      String query = expected.query(before);
      long happened = System.nanoTime();
      JsonNode document =
          await("a document in logs-bianque." + stream + "-default for " + query)
              .atMost(SEEN_WITHIN)
              .pollInterval(Duration.ofSeconds(1))
              .until(
                  () ->
                      STACK
                          .search()
                          .documents("logs-bianque." + stream + "-default", query)
                          .stream()
                          .filter(expected.also())
                          .findFirst(),
                  Optional::isPresent)
              .orElseThrow();
      System.out.printf(
          "%s: seen after %.1f s: %s%n", stream, (System.nanoTime() - happened) / 1e9, document);
      mustBeEnriched(stream, document);
    }
  }

  private static void mustBeRunning(String stream) {
    GenericRecord counters =
        await("what the agent says of the probe of " + stream)
            .atMost(SEEN_WITHIN)
            .until(() -> newestCounters(stream), Optional::isPresent)
            .orElseThrow();
    String reason = counters.get("reason") + "";
    switch (counters.get("state").toString()) {
      // Stopped: another event asked for it, and that is over.
      case "ATTACHED", "STOPPED" -> {}
      case "SKIPPED" -> {
        // Its event asks for it.
        if (!reason.contains("on request")) {
          abort("the agent skips " + counters.get("probe") + ": " + reason);
        }
      }
      default -> fail(counters.get("probe") + " is " + counters.get("state") + ": " + reason);
    }
  }

  /** Of the probe with the longest name that the stream's begins with. */
  private static Optional<GenericRecord> newestCounters(String stream) {
    return new Topic(STACK.ports(), Topics.COUNTERS)
        .records().stream()
            .filter(counters -> (stream + "_").startsWith(counters.get("probe") + "_"))
            .max(
                Comparator.comparingInt(
                        (GenericRecord counters) -> counters.get("probe").toString().length())
                    .thenComparingLong(counters -> (long) counters.get("time")));
  }

  private static void mustBeEnriched(String stream, JsonNode document) {
    assertThat(document.at("/host/id").asText()).isEqualTo(host.get("host_id").toString());
    assertThat(document.at("/host/name").asText()).isEqualTo(host.get("host_name").toString());
    assertThat(document.at("/host/os/kernel").asText()).isEqualTo(System.getProperty("os.version"));
    assertThat(document.at("/bianque/missing"))
        .filteredOn(each -> !each.asText().matches(OF_STRIPPED_PROGRAMS))
        .as("what could not be told")
        .isEmpty();
    for (Schema.Field field : CATALOGUE.schema(CATALOGUE.topic(Topics.raw(stream))).getFields()) {
      JsonNode value = document.at("/bianque/" + stream + "/" + field.name());
      switch (logicalType(field.schema())) {
        case "kernel-stack" ->
            assertThat(value)
                .as("%s of %s", field.name(), document)
                .isNotEmpty()
                .allSatisfy(frame -> assertThat(frame.asText()).matches(FRAME));
        case "kernel-address" -> assertThat(value.asText()).as(field.name()).matches(FRAME);
        default -> {}
      }
    }
  }

  /** Of the field, or of what it is when it is not null; empty where it has none. */
  private static String logicalType(Schema schema) {
    return (schema.isUnion() ? schema.getTypes() : List.of(schema))
        .stream()
            .map(type -> type.getProp("logicalType"))
            .filter(type -> type != null)
            .findFirst()
            .orElse("");
  }
}
