package io.bianque.tests.sinks;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RealComponents({Component.BROKER, Component.REGISTRY, Component.CONNECT})
class OpenSearchSinkTest {
  private final Components components;

  OpenSearchSinkTest(Components components) {
    this.components = components;
  }

  @Test
  void theSameConnectorWritesToOpenSearchOnceOverARollover(@TempDir Path folder) throws Exception {
    try (OpenSearch server = OpenSearch.start(folder);
        EnrichedTopic topic = new EnrichedTopic(components, "sinks.opensearch");
        RunningConnector connector =
            RunningConnector.start(
                topic,
                "search.json",
                Map.of(
                    "registry.url", components.registry().toString(),
                    "search.url", server.address().toString(),
                    "namespace", "default"),
                Map.of())) {
      topic.events(0, 2_000);
      connector.awaitAllCommitted();
      DataStream stream = new DataStream(server.address(), "logs-bianque.dropwatch-default");
      assertThat(stream.count()).isEqualTo(2_000);
      JsonNode template =
          new ObjectMapper()
              .readTree(
                  Path.of("..", "deploy", "elasticsearch", "index-template-dropwatch.json")
                      .toFile());
      assertThat(stream.mapping())
          .isEqualTo(DataStream.types(template.at("/template/mappings/properties")));
      assertThat(stream.documents("{\"term\":{\"source.ip\":\"10.1.0.0/29\"}}")).hasSize(7);

      stream.rollOver();
      topic.events(2_000, 500);
      connector.deliverAgain();

      assertThat(stream.indices()).isEqualTo(2);
      assertThat(stream.count()).isEqualTo(2_500);
      assertThat(stream.distinctIds()).isEqualTo(2_500);
    }
  }
}
