package io.bianque.tests.components;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.standalone.http.Http;
import io.bianque.standalone.part.Broker;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Where a container engine answers, the servers that tests get are really containers of it, and
 * keep what they hold over a kill.
 */
@Tag("container")
class ContainerServerTest {

  @BeforeAll
  static void needAnEngine() {
    assumeTrue(ContainerServer.engineAnswers(), "no container engine answers");
  }

  @Test
  void anEngineThatAnswersLendsBrokerRegistryAndSearch() throws Exception {
    try (Components components = new Components()) {
      Component[] all = {Component.BROKER, Component.REGISTRY, Component.SEARCH};
      components.start(all);
      assertThat(all).allMatch(components::isContainer);
      assertHold(components);
      put(components);

      for (Component each : all) {
        components.kill(each);
      }
      assertThat(Http.problem(components.search())).isPresent();
      assertThat(Http.problem(components.registry().resolve("v7/subjects"))).isPresent();

      components.start(all);
      assertHold(components);
      assertThat(Http.get(components.search().resolve("/kept/_doc/1")).status()).isEqualTo(200);
    }
  }

  /** What was set up: topics, schemas, index templates. */
  private static void assertHold(Components components) throws Exception {
    String raw = Topics.raw("dropwatch");
    try (Admin admin = Broker.admin(components.bootstrapServers())) {
      assertThat(admin.listTopics().names().get()).contains(raw);
    }
    assertThat(Http.get(components.registry().resolve("v7/subjects")).body())
        .contains(Topics.subject(raw));
    assertThat(
            Http.get(components.search().resolve("/_index_template/logs-bianque.dropwatch"))
                .status())
        .isEqualTo(200);
  }

  private static void put(Components components) throws Exception {
    Http.put(components.search().resolve("/kept/_doc/1?refresh=true"), "{\"kept\": true}")
        .orFail("a document");
  }
}
