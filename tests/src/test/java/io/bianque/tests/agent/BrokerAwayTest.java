package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class BrokerAwayTest {
  private static final int FIRST = NumberedDrops.FIRST_PORT;
  private static final int PER_SECOND = 5_000;

  /**
   * Longer than what the agent does after its events are out, and shorter than a person notices.
   */
  private static final Duration QUICK = Duration.ofMillis(1500);

  private final Components components;
  @TempDir Path folder;

  BrokerAwayTest(Components components) {
    this.components = components;
  }

  @Test
  void eventsWaitForABrokerThatComesLaterAndArriveOnceAndInOrder() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = new AgentProcess(components, folder, Map.of())) {
      components.kill(Component.BROKER);
      NumberedDrops before;
      try {
        agent.start();
        before = NumberedDrops.exactly(2_000, network, PER_SECOND, FIRST);
        assertThat(agent.untilOnDisk().events("spooled")).isGreaterThanOrEqualTo(2_000);
        assertThat(agent.get("/health").status()).isEqualTo(200);
        assertThat(agent.health().path("status").asText()).isEqualTo("waiting");
        assertThat(agent.health().path("trouble").toString()).contains("broker: ");
        assertThat(agent.health().path("spooled_events").asLong()).isGreaterThanOrEqualTo(2_000);
      } finally {
        components.start(Component.BROKER);
      }
      NumberedDrops after = NumberedDrops.exactly(200, network, PER_SECOND, FIRST + 2_000);
      assertThat(agent.untilGone().dropped()).isEmpty();
      agent.untilHealthy();

      Published published = new Published(components, agent.hostId());
      AgentProcess.Ended ended = agent.stop();
      assertThat(ended.exit()).isEqualTo(143);
      assertThat(ended.took()).as("nothing waits: %s", ended.output()).isLessThan(QUICK);

      List<GenericRecord> events = published.events();
      Published.mustBe(Published.numbers(before, events), 0, 2_000);
      Published.mustBe(Published.numbers(after, events), 0, 200);
      long epoch = (long) events.getFirst().get("epoch");
      assertThat(Published.missingBeforeTheNewest(events, epoch)).isZero();
      GenericRecord last = published.lastCounters(epoch);
      assertThat(last.get("state")).hasToString("STOPPED");
      assertThat(last.get("submitted")).isEqualTo((long) events.size());
      assertThat(last.get("read")).isEqualTo((long) events.size());
      assertThat(last.get("acked")).isEqualTo((long) events.size());
      assertThat(published.counters()).allSatisfy(Published::mustBalance);
    }
  }

  @Test
  void aFullSpoolGivesUpTheOldestAndAKillLosesNothingOfTheRest() throws Exception {
    Map<String, String> small = Map.of("spool.max_bytes", "1MiB", "spool.segment_bytes", "64KiB");
    try (NetnsPair network = NetnsPair.open();
        AgentProcess killed = new AgentProcess(components, folder, small);
        // With more room: what others on this machine drop meanwhile is not to push it out.
        AgentProcess agent = new AgentProcess(components, folder, Map.of())) {
      components.kill(Component.BROKER);
      Metrics full;
      NumberedDrops first;
      try {
        killed.start();
        first = NumberedDrops.exactly(8_000, network, PER_SECOND, FIRST);
        full = killed.untilOnDisk();
        assertThat(full.dropped()).containsOnlyKeys("spool full");
        assertThat(full.samples().get("bianque_agent_spool_bytes")).isBetween(9e5, 1048576.0);
        killed.kill();
        agent.start();
      } finally {
        components.start(Component.BROKER);
      }
      NumberedDrops second = NumberedDrops.exactly(100, network, PER_SECOND, FIRST + 8_000);
      assertThat(agent.untilGone().dropped()).isEmpty();
      Published published = new Published(components, agent.hostId());
      assertThat(agent.stop().exit()).isEqualTo(143);

      List<GenericRecord> events = published.events();
      long epoch = (long) events.getFirst().get("epoch");
      List<GenericRecord> earlier =
          events.stream().filter(event -> (long) event.get("epoch") == epoch).toList();
      List<GenericRecord> later = events.subList(earlier.size(), events.size());
      List<Integer> kept = Published.numbers(first, earlier);
      assertThat(kept).isNotEmpty();
      Published.mustBe(kept, 8_000 - kept.size(), 8_000);
      Published.mustBe(Published.numbers(second, later), 0, 100);

      GenericRecord counters = published.lastCounters(epoch);
      assertThat(counters.get("acked")).isEqualTo((long) earlier.size());
      // Those that others dropped are known by their CPU's later ones, of which there may be none.
      assertThat(counters.get("spool_dropped"))
          .isEqualTo(
              Math.max(8_000L - kept.size(), Published.missingBeforeTheNewest(events, epoch)));
      assertThat(counters.get("spooled")).isEqualTo(0L);
      assertThat((long) counters.get("read"))
          .isGreaterThanOrEqualTo(full.events("spooled") + full.droppedInAll());
      long laterEpoch = (long) later.getFirst().get("epoch");
      assertThat(published.lastCounters(laterEpoch).get("acked")).isEqualTo((long) later.size());
      assertThat(published.counters()).allSatisfy(Published::mustBalance);
    }
  }
}
