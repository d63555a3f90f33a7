package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.testing.BpfMount;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The probe stays at work in the kernel while its agent is killed, restarted, upgraded, detached.
 */
@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class RestartTest {
  private static final int PER_SECOND = 10_000;
  private static final int DROPS = 50_000;

  private final Components components;
  @TempDir Path folder;
  @TempDir Path mountPoint;
  private BpfMount mount;

  RestartTest(Components components) {
    this.components = components;
  }

  @BeforeEach
  void mount() {
    mount = BpfMount.on(mountPoint);
  }

  @AfterEach
  void unmount() {
    mount.close();
  }

  /** Twice, once with all that the killed agent had read and not yet got to the broker. */
  @Test
  void aKilledAgentsEventsAreAllThereOnceAndInOneLife() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = pinning()) {
      agent.start();
      try (NumberedDrops drops = new NumberedDrops(network, PER_SECOND, NumberedDrops.FIRST_PORT)) {
        for (int killAt : List.of(10_000, 30_000)) {
          awaitSent(drops, killAt);
          agent.kill();
          awaitSent(drops, killAt + PER_SECOND / 2);
          agent.start();
        }
        awaitSent(drops, DROPS);
        int sent = drops.stop();
        assertThat(agent.untilGone().dropped()).isEmpty();
        Published published = new Published(components, agent.hostId());
        List<GenericRecord> events = published.events();

        List<GenericRecord> unique = withoutRepeats(events);
        Published.mustBe(Published.numbers(drops, unique), 0, sent);
        long epoch = (long) events.getFirst().get("epoch");
        assertThat(events).allSatisfy(event -> assertThat(event.get("epoch")).isEqualTo(epoch));
        Metrics metrics = agent.metrics();
        metrics.mustBalance();
        assertThat(metrics.events("ring_full")).isZero();
        assertThat(metrics.events("acked")).isEqualTo(metrics.events("attempted"));
        System.out.printf(
            "agent killed twice under %,d drops/s: %,d of %,d there, %,d sent again%n",
            PER_SECOND, unique.size(), sent, events.size() - unique.size());
      }
    }
  }

  /** An upgrade whose probe is the same: nothing is sent twice even. */
  @Test
  void aRestartedAgentGoesOnWhereTheOneBeforeEnded() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = pinning()) {
      agent.start();
      try (NumberedDrops drops = new NumberedDrops(network, PER_SECOND, NumberedDrops.FIRST_PORT)) {
        awaitSent(drops, 10_000);
        agent.stop();
        awaitSent(drops, 15_000);
        agent.start();
        awaitSent(drops, 25_000);
        int sent = drops.stop();
        assertThat(agent.untilGone().dropped()).isEmpty();
        List<GenericRecord> events = new Published(components, agent.hostId()).events();

        Published.mustBe(Published.numbers(drops, events), 0, sent);
        long epoch = (long) events.getFirst().get("epoch");
        assertThat(Published.missingBeforeTheNewest(events, epoch)).isZero();
        assertThat(agent.metrics().events("acked")).isEqualTo(agent.metrics().events("attempted"));
      }
    }
  }

  /** An upgrade whose probe is another: the old one's events are all read, as it wrote them. */
  @Test
  void anotherProbeTakesOverAtOnce() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess agent = pinning()) {
      agent.start();
      try (NumberedDrops drops = new NumberedDrops(network, 1_000, NumberedDrops.FIRST_PORT)) {
        awaitSent(drops, 1_000);
        agent.stop();
        awaitSent(drops, 2_000);
        agent.with("probes.dropwatch.watch_icmp", "true").start();
        awaitSent(drops, 4_000);
        int sent = drops.stop();
        assertThat(agent.untilGone().dropped()).isEmpty();
        Published published = new Published(components, agent.hostId());
        List<GenericRecord> events = published.events();

        long before = (long) events.getFirst().get("epoch");
        long after = (long) events.getLast().get("epoch");
        assertThat(after).isGreaterThan(before);
        GenericRecord last = published.lastCounters(before);
        assertThat(last.get("state")).hasToString("STOPPED");
        assertThat(last.get("acked")).isEqualTo(last.get("submitted"));
        Set<Integer> numbers = new HashSet<>(Published.numbers(drops, events));
        assertThat(Published.numbers(drops, events)).doesNotHaveDuplicates();
        int missing = sent - numbers.size();
        System.out.printf(
            "another probe took over: %d of %,d drops at 1,000/s are in neither life%n",
            missing, sent);
        // Attaching takes tens of milliseconds; a second would be a restart.
        assertThat(missing).isLessThan(500);
      }
    }
  }

  @Test
  void detachingLeavesNothingAndWaitsForNoRunningAgent() throws Exception {
    try (AgentProcess agent = pinning()) {
      agent.start();
      assertThat(agent.run("--detach").refusedWith(1).output()).contains("another agent runs");
      agent.kill();
      assertThat(pinned()).isTrue();

      AgentProcess.Ended ended = agent.run("--detach");
      assertThat(ended.exit()).isZero();
      assertThat(ended.output()).contains("detached: dropwatch");
      assertThat(pinned()).isFalse();
      assertThat(agent.run("--detach").output()).contains("no probe was left");
    }
  }

  private boolean pinned() {
    return Files.exists(mountPoint.resolve("pins/dropwatch"));
  }

  private AgentProcess pinning() {
    // Room for what drops in some seconds without an agent: 300 bytes each.
    return new AgentProcess(
        components,
        folder,
        Map.of(
            "pin_folder", mountPoint.resolve("pins").toString(), "events.channel_bytes", "64MiB"));
  }

  private static void awaitSent(NumberedDrops drops, int count) {
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(20))
        .until(() -> drops.sent() >= count);
  }

  /** As the stream tier reads them: what was seen before by its sequence number is left out. */
  private static List<GenericRecord> withoutRepeats(List<GenericRecord> events) {
    Set<List<Object>> seen = new HashSet<>();
    return events.stream()
        .filter(
            event -> seen.add(List.of(event.get("epoch"), event.get("cpu"), event.get("sequence"))))
        .toList();
  }
}
