package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bianque.agent.testing.MemoryCgroup;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What happens in a container is a document that names it, also when it is there no more. */
@Tag("e2e")
class ContainersTest {
  private static final Duration SEEN_WITHIN = Duration.ofSeconds(60);

  /** Every container is known by what the kernel tells: no look comes before the test's end. */
  @RegisterExtension
  static final StackUnderTest STACK =
      StackUnderTest.ofThisCheckout(() -> Map.of("BIANQUE_AGENT_INTERVALS__CONTAINERS", "10m"));

  private static Podman podman;

  @BeforeAll
  static void begin() {
    podman = new Podman();
    STACK.awaitFirstDocument();
  }

  @AfterAll
  static void end() {
    if (podman != null) {
      podman.close();
    }
  }

  @Test
  void aPacketDroppedInAContainerNamesIt() {
    String id = podman.run("bianque-web", "", "sleep 5; nc 127.0.0.1 9; sleep 300");

    JsonNode document =
        await("the drop")
            .atMost(SEEN_WITHIN)
            .pollInterval(Duration.ofMillis(500))
            .until(() -> find(Search.DROPS, id, "destination.port", "9"), found -> found != null);

    System.out.println(document);
    mustNameTheContainer(document, id, "bianque-web");
    assertThat(document.at("/process/name").asText()).isEqualTo("nc");
    assertThat(document.at("/bianque/dropwatch/drop_reason").asText()).isEqualTo("NO_SOCKET");
    assertThat(document.at("/bianque/missing")).isEmpty();
  }

  @Test
  void aKillForWantOfMemoryNamesTheContainerThoughItIsGone() {
    String id = podman.run("bianque-glutton", "--rm --memory 32m", "sleep 5; exec tail /dev/zero");
    await("end of the container")
        .atMost(SEEN_WITHIN)
        .until(() -> !podman.exists("bianque-glutton"));

    JsonNode document = killIn(id);

    System.out.println(document);
    mustNameTheContainer(document, id, "bianque-glutton");
    assertThat(document.at("/bianque/oom/victim_comm").asText()).isEqualTo("tail");
    assertThat(document.at("/bianque/oom/limit_memcg/container_id").asText()).isEqualTo(id);
  }

  private JsonNode killIn(String container) {
    return await("the kill")
        .atMost(SEEN_WITHIN)
        .pollInterval(Duration.ofMillis(500))
        .until(
            () -> find("logs-bianque.oom-default", container, "bianque.oom.scope", "memcg"),
            found -> found != null);
  }

  /** By no runtime: none is that quick. */
  @Test
  void aKillInAContainerOfLessThanASecondNamesIt() throws Exception {
    String id = "%064x".formatted(System.nanoTime());
    long began = System.nanoTime();
    try (MemoryCgroup container = MemoryCgroup.create("docker-" + id + ".scope").limit(16L << 20)) {
      MemoryCgroup.await(container.start("tail", "/dev/zero"));
    }
    Duration lived = Duration.ofNanos(System.nanoTime() - began);

    JsonNode document = killIn(id);

    System.out.println("lived for " + lived + ": " + document);
    assertThat(lived).isLessThan(Duration.ofSeconds(1));
    assertThat(document.at("/container/runtime").asText()).isEqualTo("docker");
    assertThat(document.at("/bianque/systemd_unit").asText()).isEqualTo("docker-" + id + ".scope");
    assertThat(document.at("/bianque/oom/limit_memcg/container_id").asText()).isEqualTo(id);
    assertThat(document.at("/bianque/missing")).isEmpty();
  }

  private static JsonNode find(String stream, String containerId, String field, String value) {
    return STACK
        .search()
        .documents(
            stream,
            """
            {"bool": {"filter": [{"term": {"container.id": "%s"}}, {"term": {"%s": "%s"}}]}}
            """
                .formatted(containerId, field, value))
        .stream()
        .findFirst()
        .orElse(null);
  }

  private static void mustNameTheContainer(JsonNode document, String id, String name) {
    assertThat(document.at("/container/id").asText()).isEqualTo(id);
    assertThat(document.at("/container/name").asText()).isEqualTo(name);
    assertThat(document.at("/container/image/name").asText()).isEqualTo(Podman.IMAGE);
    assertThat(document.at("/container/runtime").asText()).isEqualTo("podman");
    assertThat(document.at("/bianque/cgroup_path").asText()).contains(id);
  }
}
