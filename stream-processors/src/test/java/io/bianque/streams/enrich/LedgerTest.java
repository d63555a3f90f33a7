package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.LedgerRow;
import io.bianque.facts.ProbeState;
import io.bianque.streams.rule.Rules;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerTest {
  @TempDir Path state;
  private Scene scene;

  @BeforeEach
  void open() {
    scene = new Scene(state);
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  @AfterEach
  void close() {
    scene.close();
  }

  private LedgerRow last() {
    List<LedgerRow> rows = scene.ledger();
    assertThat(rows).isNotEmpty();
    return rows.getLast();
  }

  private static void assertBalances(LedgerRow row) {
    long ignored = row.getIgnored().values().stream().mapToLong(Long::longValue).sum();
    assertThat(row.getReceived())
        .isEqualTo(
            row.getEnriched()
                + ignored
                + row.getDeadLettered()
                + row.getDuplicates()
                + row.getWaiting());
  }

  @Test
  void joinsWhatTheAgentCountedWithWhatArrived() {
    scene.drop();
    scene.drop();
    byte[] twice = scene.event(e -> {});
    scene.send(Scene.RAW, Scene.HOST, twice);
    scene.send(Scene.RAW, Scene.HOST, twice);
    scene.send(Scene.RAW, Scene.HOST, new byte[] {9});
    scene.counters(c -> {
      c.setAttempted(20);
      c.setRateLimited(6);
      c.setRingFull(3);
      c.setSubmitted(11);
      c.setRead(10);
      c.setEncodeFailed(1);
      c.setAcked(5);
      c.setSpooled(2);
      c.setInFlight(1);
      c.setSpoolDropped(1);
    });
    LedgerRow row = last();
    assertBalances(row);
    assertThat(row.getReceived()).isEqualTo(5);
    assertThat(row.getEnriched()).isEqualTo(3);
    assertThat(row.getDuplicates()).isEqualTo(1);
    assertThat(row.getDeadLettered()).isEqualTo(1);
    assertThat(row.getWaiting()).isZero();
    assertThat(row.getInFlight()).isEqualTo(4);
    assertThat(row.getAcked()).isEqualTo(5);
    assertThat(row.getUnaccounted()).isZero();
    assertThat(row.getGap()).isNull();
    assertThat(row.getAttempted())
        .isEqualTo(
            row.getRateLimited()
                + row.getRingFull()
                + row.getEncodeFailed()
                + row.getSpoolDropped()
                + row.getInFlight()
                + row.getAcked());
  }

  @Test
  void eventsThatWaitAreInIt() {
    scene.drop(e -> e.put("boot_id", "b007-7"));
    scene.counters(c -> c.setBootId("b007-7"));
    LedgerRow row = last();
    assertBalances(row);
    assertThat(row.getWaiting()).isEqualTo(1);
  }

  @Test
  void aRowFollowsWhenSomethingHappensAfterTheLastCount() {
    scene.counters(c -> c.setAcked(1));
    assertThat(last().getUnaccounted()).isEqualTo(1);
    scene.drop();
    scene.pass(Duration.ofSeconds(10));
    LedgerRow row = last();
    assertThat(row.getReceived()).isEqualTo(1);
    assertThat(row.getUnaccounted()).isZero();
    scene.pass(Duration.ofSeconds(30));
    assertThat(scene.ledger()).as("and none when nothing happens").isEmpty();
  }

  @Test
  void ignoredEventsAreCountedByRule() {
    Rules rules =
        Rules.of(
            "rules.yaml",
            "rules:\n  - {name: quiet, probe: dropwatch, when: event.comm == 'noisy'}",
            Map.of("dropwatch", scene.registry.schemaOf("bianque.enriched.dropwatch")),
            Set.of(),
            Set.of());
    try (Scene own = new Scene(state.resolve("own"), EnrichSettings.defaults(), rules)) {
      own.facts();
      own.kernelSymbols();
      own.moduleSymbols();
      own.drop(e -> e.put("comm", "noisy"));
      own.drop();
      own.counters(c -> {});
      LedgerRow row = own.ledger().getLast();
      assertThat(row.getIgnored()).isEqualTo(Map.of("quiet", 1L));
      assertThat(row.getEnriched()).isEqualTo(1);
      assertBalances(row);
    }
  }

  @Test
  void aNewEpochAfterAKilledAgentStatesWhatIsUnknown() {
    Instant lastCount = Instant.ofEpochSecond(1_700_000_090);
    scene.counters(c -> c.setTime(lastCount));
    long next = Scene.EPOCH + 95_000_000_000L;
    scene.counters(c -> {
      c.setEpoch(next);
      c.setTime(Instant.ofEpochSecond(1_700_000_105));
    });
    LedgerRow row = last();
    assertThat(row.getEpoch()).isEqualTo(next);
    assertThat(row.getGap()).isNotNull();
    assertThat(row.getGap().getPreviousEpoch()).isEqualTo(Scene.EPOCH);
    assertThat(row.getGap().getFrom()).isEqualTo(lastCount);
    assertThat(row.getGap().getTo()).isEqualTo(Instant.ofEpochSecond(1_700_000_095));
  }

  @Test
  void aNewEpochAfterAnAgentThatStoppedHasNoGap() {
    scene.counters(c -> c.setState(ProbeState.STOPPED));
    scene.counters(c -> c.setEpoch(Scene.EPOCH + 1));
    assertThat(last().getGap()).isNull();
  }

  @Test
  void eventsOfTheNewEpochBeforeItsFirstCountDoNotHideTheGap() {
    scene.counters(c -> {});
    scene.drop(e -> e.put("epoch", Scene.EPOCH + 5));
    scene.counters(c -> c.setEpoch(Scene.EPOCH + 5));
    assertThat(last().getGap()).isNotNull();
  }
}
