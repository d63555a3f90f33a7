package io.bianque.tests.streams;

import static io.bianque.tests.streams.StateRecording.BOOT;
import static io.bianque.tests.streams.StateRecording.CONTAINER_NAME;
import static io.bianque.tests.streams.StateRecording.DNS_NAME;
import static io.bianque.tests.streams.StateRecording.HOST_NAME;
import static io.bianque.tests.streams.StateRecording.KERNEL;
import static io.bianque.tests.streams.StateRecording.KNOWN;
import static io.bianque.tests.streams.StateRecording.OTHER_KERNEL;
import static io.bianque.tests.streams.StateRecording.ROUNDS;
import static io.bianque.tests.streams.StateRecording.SILENT;
import static io.bianque.tests.streams.StateRecording.UNRESOLVED;
import static io.bianque.tests.streams.StateRecording.WAITING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.awaitility.core.ThrowingRunnable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * This version takes over what an earlier one left in Kafka, as {@link StateRecording} recorded it.
 */
@Tag("integration")
class UpgradeTest {
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);
  private static final String NEW_HOST_NAME = "host-after-";
  private static final String NEW_CONTAINER_NAME = "container-after";

  @TempDir Path folder;

  static List<Path> states() throws IOException {
    try (Stream<Path> files = Files.list(StateRecording.STATES)) {
      return files.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("states")
  void goesOnWhereTheEarlierVersionStopped(Path file) throws Exception {
    RecordedState state = RecordedState.read(file);
    try (Components servers = new Components()) {
      servers.start(Component.BROKER, Component.REGISTRY);
      state.restore(servers);
      try (RecordedNamesTest.Dns dns = new RecordedNamesTest.Dns();
          Fleet known = new Fleet(servers, KNOWN, BOOT, KERNEL);
          Fleet silent = new Fleet(servers, SILENT, BOOT, KERNEL);
          Fleet unresolved = new Fleet(servers, UNRESOLVED, BOOT, OTHER_KERNEL);
          StreamsProcess streams =
              StateRecording.process(servers, state.application(), folder, dns)) {
        dns.name = "name-after.example.";
        List<Fleet> fleets = List.of(known, silent, unresolved);
        fleets.forEach(Fleet::goOn);
        streams.start();
        streams.awaitHealthy();
        soon(() -> assertThat(streams.get("/health")).contains("\"waiting\":" + 2 * WAITING + ","));

        knowsWhatWasTold(known, state.holds(Topics.NAMES));
        letsTheWaitingGo(servers, silent, unresolved);
        countsOn(known);
        // Two of each known host came twice.
        hasEachEventOnce(known, 2);
        hasEachEventOnce(silent, 0);
        hasEachEventOnce(unresolved, 0);
      }
    }
  }

  private static void knowsWhatWasTold(Fleet known, boolean names) {
    List<GenericRecord> before = known.committed(ENRICHED);
    assertThat(before).hasSize(ROUNDS * KNOWN.size());
    GenericRecord first = before.getFirst();

    known.drops(event -> event.put("sequence", 1L)); // it has come before
    known.drops(StateRecording::inTheContainer);
    known.flush();
    soon(() -> assertThat(after(known)).hasSize(KNOWN.size()));
    assertThat(after(known))
        .allSatisfy(event -> {
          assertThat(event.get("missing")).isEqualTo(List.of());
          assertThat(event.get("host_name")).isEqualTo(HOST_NAME + event.get("host_id"));
          assertThat(event.get("container_name")).isEqualTo(CONTAINER_NAME);
          assertThat(event.get("kernel_stack")).isEqualTo(first.get("kernel_stack"));
        });

    known.facts(NEW_HOST_NAME);
    known.containers(NEW_CONTAINER_NAME);
    soon(() -> {
      known.drops(StateRecording::inTheContainer);
      known.flush();
      assertThat(after(known))
          .extracting(e -> e.get("container_name"))
          .contains(NEW_CONTAINER_NAME);
      for (String host : KNOWN) {
        assertThat(after(known)).extracting(e -> e.get("host_name")).contains(NEW_HOST_NAME + host);
      }
    });
    // One that comes late: what was told before holds for it.
    known.drops(event -> {
      StateRecording.inTheContainer(event);
      event.put("comm", "late");
      event.put("time", first.get("time"));
    });
    known.flush();
    soon(() -> assertThat(late(known)).hasSize(KNOWN.size()));
    assertThat(late(known))
        .allSatisfy(event -> {
          assertThat(event.get("host_name")).isEqualTo(HOST_NAME + event.get("host_id"));
          assertThat(event.get("container_name")).isEqualTo(CONTAINER_NAME);
          if (names) {
            assertThat(event.get("saddr_name")).isEqualTo(DNS_NAME);
          }
        });
  }

  private static List<GenericRecord> after(Fleet fleet) {
    return fleet.committed(ENRICHED, event -> (long) event.get("sequence") > ROUNDS);
  }

  private static List<GenericRecord> late(Fleet fleet) {
    return fleet.committed(ENRICHED, event -> event.get("comm").equals("late"));
  }

  private static void letsTheWaitingGo(Components servers, Fleet silent, Fleet unresolved) {
    assertThat(silent.committed(ENRICHED)).isEmpty();
    assertThat(unresolved.committed(ENRICHED)).isEmpty();
    silent.facts();
    unresolved.symbols();
    for (Fleet fleet : List.of(silent, unresolved)) {
      soon(() -> assertThat(fleet.committed(ENRICHED)).hasSize(WAITING));
      assertThat(fleet.committed(ENRICHED))
          .allSatisfy(event -> assertThat(event.get("missing")).isEqualTo(List.of()))
          .extracting(event -> event.get("sequence"))
          .containsExactly(1L, 2L, 3L);
    }
    soon(() -> {
      ConsumerRecord<byte[], byte[]> last =
          RecordedState.all(servers, Topics.SYMBOL_REQUESTS).getLast();
      assertThat(new String(last.key(), StandardCharsets.UTF_8))
          .isEqualTo(OTHER_KERNEL + "/vmlinux");
      assertThat(last.value()).as("withdrawn").isNull();
    });
  }

  private static void countsOn(Fleet known) {
    known.counters();
    soon(() -> {
      for (String host : KNOWN) {
        long sent =
            known.committed(Topics.raw(Fleet.PROBE), e -> e.get("host_id").equals(host)).size();
        GenericRecord row =
            known.committed(Topics.LEDGER, r -> r.get("host_id").equals(host)).getLast();
        assertThat(row.get("received")).isEqualTo(sent);
        assertThat(row.get("enriched")).isEqualTo(sent - 2);
        assertThat(row.get("duplicates")).isEqualTo(2L);
        assertThat(row.get("unaccounted")).isEqualTo(0L);
      }
    });
  }

  private static void hasEachEventOnce(Fleet fleet, int twice) {
    int sent = fleet.committed(Topics.raw(Fleet.PROBE)).size();
    assertThat(fleet.committed(ENRICHED))
        .extracting(event -> event.get("event_id"))
        .doesNotHaveDuplicates()
        .hasSize(sent - twice * fleet.hosts.size());
  }

  private static void soon(ThrowingRunnable holds) {
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(holds);
  }
}
