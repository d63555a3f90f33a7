package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.testing.Cgroup;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class CgroupsTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Pattern LOOKS =
      Pattern.compile("(?m)^bianque_agent_cgroup_looks_total (\\d+)$");

  private final Components components;
  @TempDir Path folder;

  CgroupsTest(Components components) {
    this.components = components;
  }

  private AgentProcess agent() {
    return new AgentProcess(components, folder, Map.of("intervals.containers", "200ms"));
  }

  @Test
  void oneIsPublishedBesideItsHostsFactsAndItsEndByTheNextAgent() throws Exception {
    try (AgentProcess agent = agent()) {
      agent.start();
      Published published = new Published(components, agent.hostId());
      Cgroup cgroup = new Cgroup("published", "memory");
      long id = cgroup.id();
      try (cgroup) {
        ConsumerRecord<String, byte[]> came = untilTold(published, id, each -> true);
        assertThat(published.value(came).get("ended_at")).isNull();
        assertThat(came.key())
            .isEqualTo(
                "%s/%s/unified/%d"
                    .formatted(agent.hostId(), published.value(came).get("boot_id"), id));
        assertThat(published.records(Topics.HOSTS))
            .isNotEmpty()
            .allSatisfy(host -> assertThat(host.partition()).isEqualTo(came.partition()));
        agent.stop();
      }
      agent.start();

      untilTold(published, id, each -> each.get("ended_at") != null);
    }
  }

  @Test
  void oneThatCameAndWentWhileTheBrokerWasAwayIsToldOfLater() throws Exception {
    try (AgentProcess agent = agent()) {
      agent.start();
      Published published = new Published(components, agent.hostId());
      agent.untilHealthy();
      components.kill(Component.BROKER);
      long id;
      try (Cgroup cgroup = new Cgroup("unheard", "memory")) {
        id = cgroup.id();
        untilLookedAgain(agent);
      } finally {
        components.start(Component.BROKER);
      }

      untilTold(published, id, each -> each.get("ended_at") != null);
    }
  }

  private static ConsumerRecord<String, byte[]> untilTold(
      Published published, long id, Predicate<GenericRecord> condition) {
    return await("what became of cgroup " + id)
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(500))
        .until(
            () ->
                published.records(Topics.CONTAINERS).stream()
                    .filter(each -> each.key().endsWith("/unified/" + id))
                    .filter(each -> condition.test(published.value(each)))
                    .findFirst()
                    .orElse(null),
            found -> found != null);
  }

  /** Twice, as one look may have begun before. */
  private static void untilLookedAgain(AgentProcess agent) {
    long before = looks(agent);
    await().atMost(LIMIT).until(() -> looks(agent) >= before + 2);
  }

  private static long looks(AgentProcess agent) {
    Matcher line = LOOKS.matcher(agent.get("/metrics").body());
    assertThat(line.find()).as("looks are counted").isTrue();
    return Long.parseLong(line.group(1));
  }
}
