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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class CleanStopTest {
  /** Its work is done in a tenth of that; the rest is for a machine that does other things too. */
  private static final Duration QUICK = Duration.ofMillis(1500);

  private final Components components;
  @TempDir Path folder;

  CleanStopTest(Components components) {
    this.components = components;
  }

  /** Also while the producer still collects events for a batch. */
  @ParameterizedTest(name = "delivered before: {0}")
  @ValueSource(booleans = {true, false})
  void itIsQuickAndTheLastEventsAndCountsArrive(boolean delivered) throws Exception {
    try (NetnsPair network = NetnsPair.open();
        // Not in the middle of what the agent does every second in other tests.
        AgentProcess agent =
            new AgentProcess(components, folder, Map.of("intervals.counters", "10s"))) {
      agent.start();
      NumberedDrops drops = NumberedDrops.exactly(100, network, 1_000, NumberedDrops.FIRST_PORT);
      if (delivered) {
        agent.untilGone();
      }
      Published published = new Published(components, agent.hostId());
      mustEndQuickly(agent.stop());
      List<GenericRecord> events = published.events();
      Published.mustBe(Published.numbers(drops, events), 0, 100);
      GenericRecord last = published.lastCounters((long) events.getFirst().get("epoch"));
      assertThat(last.get("state")).hasToString("STOPPED");
      assertThat(last.get("submitted")).isEqualTo((long) events.size());
      assertThat(last.get("acked")).isEqualTo((long) events.size());
    }
  }

  @Test
  void justStartedItIsQuickToo() throws Exception {
    try (AgentProcess agent = new AgentProcess(components, folder, Map.of())) {
      agent.start();
      mustEndQuickly(agent.stop());
    }
  }

  private static void mustEndQuickly(AgentProcess.Ended ended) {
    assertThat(ended.exit()).isEqualTo(143);
    assertThat(ended.took()).as(ended.output()).isLessThan(QUICK);
  }
}
