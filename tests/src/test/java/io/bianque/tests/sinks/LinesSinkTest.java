package io.bianque.tests.sinks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RealComponents({Component.BROKER, Component.REGISTRY, Component.CONNECT})
class LinesSinkTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Components components;

  LinesSinkTest(Components components) {
    this.components = components;
  }

  @Test
  void aWorkerKilledWhileItWritesLeavesEachLineOnceAndWhole(@TempDir Path folder) throws Exception {
    Path lines = folder.resolve("lines");
    try (EnrichedTopic topic = new EnrichedTopic(components, "sinks.jsonl");
        RunningConnector connector =
            RunningConnector.start(
                topic,
                "lines.json",
                Map.of(
                    "registry.url",
                    components.registry().toString(),
                    "lines.path",
                    lines.toString(),
                    "namespace",
                    "default"),
                Map.of("rotate.bytes", "1000000", "rotate.files", "100", "rotate.gzip", "true"))) {
      topic.events(0, 10_000);
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> Files.exists(lines.resolve("dropwatch.jsonl")));
      components.kill(Component.CONNECT);
      topic.events(10_000, 2_000);
      components.start(Component.CONNECT);
      connector.awaitRunning();
      connector.awaitAllCommitted();

      List<JsonNode> documents = documents(lines);
      assertThat(documents).hasSize(12_000);
      assertThat(documents.stream().map(document -> document.get("_id").asText()).distinct())
          .hasSize(12_000);
      assertThat(documents.getFirst().at("/source/domain").asText()).isEqualTo("client.example");

      connector.deliverAgain();

      assertThat(documents(lines)).hasSize(12_000);
    }
  }

  private static List<JsonNode> documents(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files =
          all.filter(path ->
                  path.getFileName().toString().matches("dropwatch(\\.\\d+)?\\.jsonl(\\.gz)?"))
              .sorted()
              .toList();
    }
    List<JsonNode> documents = new ArrayList<>();
    for (Path path : files) {
      boolean gzip = path.toString().endsWith(".gz");
      if (!gzip && Files.exists(path.resolveSibling(path.getFileName() + ".gz"))) {
        continue; // compressed, and about to be removed
      }
      try (InputStream file = Files.newInputStream(path);
          InputStream in = gzip ? new GZIPInputStream(file) : file) {
        for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
          documents.add(JSON.readTree(line));
        }
      }
    }
    return documents;
  }
}
