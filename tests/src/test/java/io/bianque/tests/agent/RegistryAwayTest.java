package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class RegistryAwayTest {
  private static final int FIRST = NumberedDrops.FIRST_PORT;

  private final Components components;
  @TempDir Path folder;

  RegistryAwayTest(Components components) {
    this.components = components;
  }

  @Test
  void theFirstStartWaitsForItAndALaterOneDoesWithout() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = new AgentProcess(components, folder, Map.of())) {
      components.kill(Component.REGISTRY);
      NumberedDrops unknown;
      try {
        agent.start();
        unknown = NumberedDrops.exactly(500, network, 2_000, FIRST);
        assertThat(agent.untilOnDisk().events("spooled")).isGreaterThanOrEqualTo(500);
        assertThat(agent.get("/health").status()).isEqualTo(200);
        assertThat(agent.health().path("status").asText()).isEqualTo("waiting");
        assertThat(agent.health().path("trouble").toString())
            .contains("registry: bianque.raw.dropwatch: ");
      } finally {
        components.start(Component.REGISTRY);
      }
      assertThat(agent.untilGone().dropped()).isEmpty();
      agent.untilHealthy();
      Published published = new Published(components, agent.hostId());
      Published.mustBe(Published.numbers(unknown, published.events()), 0, 500);
      assertThat(agent.stop().exit()).isEqualTo(143);

      components.kill(Component.REGISTRY);
      try {
        agent.start();
        NumberedDrops remembered = NumberedDrops.exactly(200, network, 2_000, FIRST + 500);
        agent.until("all is acknowledged", metrics -> metrics.events("acked") >= 200);
        agent.untilHealthy();
        List<GenericRecord> events = published.events();
        Published.mustBe(Published.numbers(unknown, events), 0, 500);
        Published.mustBe(Published.numbers(remembered, events), 0, 200);
        assertThat(agent.log()).contains("of an earlier run: ");
      } finally {
        components.start(Component.REGISTRY);
      }
    }
  }
}
