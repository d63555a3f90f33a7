package io.bianque.tests.sinks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.standalone.http.Http;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;

/**
 * One of the committed connectors on the Connect worker, for one topic and under a name of its own.
 */
final class RunningConnector implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final EnrichedTopic topic;
  private final String name;

  private RunningConnector(EnrichedTopic topic, String name) {
    this.topic = topic;
    this.name = name;
  }

  /**
   * Starts what {@code deploy/connect/<file>} says.
   *
   * @param variables put in for its ${…}
   * @param overrides set after that
   */
  static RunningConnector start(
      EnrichedTopic topic,
      String file,
      Map<String, String> variables,
      Map<String, String> overrides)
      throws IOException {
    String text = Files.readString(Path.of("..", "deploy", "connect", file));
    for (Map.Entry<String, String> variable : variables.entrySet()) {
      text = text.replace("${" + variable.getKey() + "}", variable.getValue());
    }
    assertThat(text).as("all variables have a value").doesNotContain("${");
    ObjectNode config = (ObjectNode) JSON.readTree(text).get("config");
    config.remove("topics.regex");
    config.put("topics", topic.name());
    config.put("errors.deadletterqueue.topic.name", topic.deadLetters());
    overrides.forEach(config::put);
    RunningConnector connector =
        new RunningConnector(topic, topic.name() + "-" + file.replace(".json", ""));
    Http.put(connector.uri("/config"), config.toString()).orFail("start " + connector.name);
    connector.awaitRunning();
    return connector;
  }

  void awaitRunning() {
    await()
        .atMost(LIMIT)
        .ignoreExceptions()
        .untilAsserted(() -> {
          JsonNode status = status();
          assertThat(status.at("/connector/state").asText()).isEqualTo("RUNNING");
          assertThat(status.at("/tasks/0/state").asText())
              .as(status.toString())
              .isEqualTo("RUNNING");
        });
  }

  JsonNode status() throws IOException {
    return JSON.readTree(Http.get(uri("/status")).orFail("status of " + name).body());
  }

  /** Waits until the connector has committed all that is in its topic. */
  void awaitAllCommitted() {
    try (Admin admin =
        Admin.create(Map.of("bootstrap.servers", topic.components().bootstrapServers()))) {
      await()
          .atMost(Duration.ofMinutes(2))
          .pollInterval(Duration.ofMillis(250))
          .untilAsserted(() -> assertThat(lag(admin)).isZero());
    }
  }

  private long lag(Admin admin) throws Exception {
    var committed =
        admin.listConsumerGroupOffsets("connect-" + name).partitionsToOffsetAndMetadata().get();
    long lag = 0;
    for (int i = 0; i < EnrichedTopic.PARTITIONS; i++) {
      TopicPartition partition = new TopicPartition(topic.name(), i);
      long end =
          admin
              .listOffsets(Map.of(partition, OffsetSpec.latest()))
              .partitionResult(partition)
              .get()
              .offset();
      lag += end - (committed.get(partition) == null ? 0 : committed.get(partition).offset());
    }
    return lag;
  }

  /** Has everything in the topic delivered once more. */
  void deliverAgain() throws IOException {
    Http.put(uri("/stop"), "").orFail("stop " + name);
    await()
        .atMost(LIMIT)
        .untilAsserted(() ->
            assertThat(Http.request("DELETE", uri("/offsets"), Map.of()).status()).isEqualTo(200));
    Http.put(uri("/resume"), "").orFail("resume " + name);
    awaitRunning();
    awaitAllCommitted();
  }

  private URI uri(String path) {
    return topic.components().connect().resolve("/connectors/" + name + path);
  }

  @Override
  public void close() throws IOException {
    Http.request("DELETE", uri(""), Map.of());
  }
}
