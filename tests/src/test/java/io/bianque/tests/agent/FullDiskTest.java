package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class FullDiskTest {
  private static final int FIRST = NumberedDrops.FIRST_PORT;
  private static final int PER_SECOND = 5_000;
  private static final String REFUSED = "disk refused the write";

  private final Components components;
  @TempDir Path folder;

  FullDiskTest(Components components) {
    this.components = components;
  }

  @Test
  void whatTheDiskRefusesIsCountedAndTheRestArrives() throws Exception {
    Path spool = folder.resolve("disk");
    // The bound of the spool is no help: the disk is smaller.
    Map<String, String> settings =
        Map.of(
            "spool.dir",
            spool.toString(),
            "spool.max_bytes",
            "64MiB",
            "spool.segment_bytes",
            "128KiB");
    try (NetnsPair network = NetnsPair.open();
        Tmpfs disk = Tmpfs.mount(spool, "2m");
        AgentProcess agent = new AgentProcess(components, folder, settings)) {
      Path others = disk.fill("others");
      components.kill(Component.BROKER);
      NumberedDrops refused;
      NumberedDrops kept;
      try {
        agent.start();
        refused = NumberedDrops.exactly(500, network, PER_SECOND, FIRST);
        Metrics full = agent.untilOnDisk();
        assertThat(full.events("spooled")).isZero();
        assertThat(full.dropped()).containsOnlyKeys(REFUSED);
        assertThat(full.events("ring_full")).isZero();
        assertThat(agent.get("/health").status()).isEqualTo(503);
        assertThat(agent.health().path("status").asText()).isEqualTo("ill");
        assertThat(agent.health().path("trouble").toString())
            .contains("spool of dropwatch: ", "No space left on device");

        Files.delete(others);
        kept = NumberedDrops.exactly(12_000, network, PER_SECOND, FIRST + 500);
        Metrics room = agent.untilOnDisk();
        assertThat(room.events("spooled")).isPositive();
        assertThat(room.dropped()).containsOnlyKeys(REFUSED);
        assertThat(room.dropped().get(REFUSED)).isGreaterThan(full.dropped().get(REFUSED));
        assertThat(room.events("ring_full")).isZero();
        // It can write again: what is given up is what a full spool gives up, the oldest.
        assertThat(agent.get("/health").status()).isEqualTo(200);
        assertThat(agent.health().path("status").asText()).isEqualTo("waiting");
      } finally {
        components.start(Component.BROKER);
      }
      agent.untilGone();
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> agent.health().path("status").asText().equals("ok"));
      Published published = new Published(components, agent.hostId());
      assertThat(agent.stop().exit()).isEqualTo(143);

      List<GenericRecord> events = published.events();
      Published.mustBe(Published.numbers(refused, events), 0, 0);
      List<Integer> numbers = Published.numbers(kept, events);
      assertThat(numbers).isNotEmpty();
      Published.mustBe(numbers, 12_000 - numbers.size(), 12_000);
      long epoch = (long) events.getFirst().get("epoch");
      GenericRecord last = published.lastCounters(epoch);
      assertThat(last.get("acked")).isEqualTo((long) events.size());
      assertThat(last.get("submitted")).isEqualTo(last.get("read"));
      // The first ones may have been all that there were of one CPU.
      assertThat((long) last.get("spool_dropped"))
          .isEqualTo((long) last.get("submitted") - events.size())
          .isGreaterThanOrEqualTo(Published.missingBeforeTheNewest(events, epoch));
      assertThat(published.counters()).allSatisfy(Published::mustBalance);
    }
  }
}
