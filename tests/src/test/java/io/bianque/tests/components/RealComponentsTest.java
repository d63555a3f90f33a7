package io.bianque.tests.components;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.OwnedProcess;
import io.bianque.standalone.stack.PartState;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

@RealComponents({Component.REGISTRY, Component.SEARCH, Component.OBJECT_STORE, Component.CONNECT})
class RealComponentsTest {

  private final Components components;

  RealComponentsTest(Components components) {
    this.components = components;
  }

  @Test
  void everyServerAnswersAtItsAddress() throws Exception {
    assertThat(Http.problem(components.registry().resolve("v7/subjects"))).isEmpty();
    assertThat(Http.problem(components.search().resolve("/_cluster/health"))).isEmpty();
    assertThat(Http.problem(components.connect().resolve("/connectors"))).isEmpty();
    assertThat(
            components
                .objectStoreCredentials()
                .send("HEAD", components.objectStore().resolve("/bianque"))
                .status())
        .isEqualTo(200);
    assertThat(
            Http.request("GET", components.objectStore().resolve("/"), java.util.Map.of()).status())
        .isEqualTo(403);
  }

  @Test
  void aServerThatDiesByItselfIsStartedAgain() {
    var before = components.report(Component.OBJECT_STORE);
    before.processes().forEach(OwnedProcess::kill);

    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> {
          var now = components.report(Component.OBJECT_STORE);
          assertThat(now.state()).isEqualTo(PartState.RUNNING);
          assertThat(now.restarts()).isEqualTo(before.restarts() + 1);
          assertThat(now.processes()).doesNotContainAnyElementsOf(before.processes());
        });
  }

  @Test
  void aKilledSearchServerLeavesNoProcessBehind() throws Exception {
    assumeFalse(
        components.isContainer(Component.SEARCH), "a container's processes are its engine's");
    List<OwnedProcess> before = components.report(Component.SEARCH).processes();
    assertThat(before).as("launcher and server").hasSizeGreaterThanOrEqualTo(2);

    components.kill(Component.SEARCH);

    assertThat(before).noneMatch(OwnedProcess::isAlive);
    components.start(Component.SEARCH);
  }
}
