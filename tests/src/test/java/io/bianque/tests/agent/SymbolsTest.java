package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.testing.NetnsPair;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import io.bianque.tests.streams.StreamsProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of the agents of one kernel one publishes its symbols, when somebody needs them. */
@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class SymbolsTest {
  private final Components components;
  @TempDir Path folder;

  /** Of what this test has published. */
  private long begin;

  SymbolsTest(Components components) {
    this.components = components;
  }

  @Test
  void oneOfTwoHostsIsAskedAndTheEventsOfBothHaveNames() throws Exception {
    try (NetnsPair network = NetnsPair.open();
        AgentProcess first = agent("first");
        AgentProcess second = agent("second");
        StreamsProcess streams = streams()) {
      forgetTables();
      first.start();
      second.start();
      streams.start();
      try (NumberedDrops drops = new NumberedDrops(network, 50, NumberedDrops.FIRST_PORT)) {
        await()
            .atMost(Duration.ofMinutes(3))
            .pollInterval(Duration.ofSeconds(1))
            .until(() -> isNamed(first) && isNamed(second));
        var _ = drops.stop();
      }

      String build = newestOf(first).get("kernel_build_id").toString();
      assertThat(newestOf(second).get("kernel_build_id")).hasToString(build);
      Published ofKernel = new Published(components, build);
      assertThat(
              ofKernel.records(Topics.SYMBOLS).stream()
                  .filter(each -> each.offset() >= begin)
                  .map(each -> each.key()))
          .contains(build + "/vmlinux/0")
          .doesNotHaveDuplicates();
      // Other tests' agents are gone: asked before, they would not have answered.
      assertThat(
              ofKernel.records(Topics.SYMBOL_REQUESTS).stream()
                  .filter(each -> each.key().equals(build + "/vmlinux") && each.value() != null)
                  .map(each -> ofKernel.value(each).get("host_id").toString())
                  .filter(List.of(first.hostId(), second.hostId())::contains))
          .hasSize(1);
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(() ->
              assertThat(ofKernel.records(Topics.SYMBOL_REQUESTS).getLast().value())
                  .as("withdrawn")
                  .isNull());
    }
  }

  /** Other tests play recordings of this machine, with its tables. */
  private void forgetTables() throws Exception {
    List<String> keys = new ArrayList<>();
    try (KafkaConsumer<String, byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", components.bootstrapServers()),
            new StringDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition all = new TopicPartition(Topics.SYMBOLS, 0);
      consumer.assign(List.of(all));
      consumer.seekToBeginning(List.of(all));
      long end = consumer.endOffsets(List.of(all)).get(all);
      while (consumer.position(all) < end) {
        consumer.poll(Duration.ofMillis(200)).forEach(each -> keys.add(each.key()));
      }
      begin = end;
    }
    try (KafkaProducer<String, byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", components.bootstrapServers()),
            new StringSerializer(),
            new ByteArraySerializer())) {
      for (String key : keys.stream().distinct().toList()) {
        begin = producer.send(new ProducerRecord<>(Topics.SYMBOLS, key, null)).get().offset() + 1;
      }
    }
  }

  private AgentProcess agent(String name) throws Exception {
    return new AgentProcess(components, Files.createDirectories(folder.resolve(name)), Map.of());
  }

  private StreamsProcess streams() throws Exception {
    return new StreamsProcess(
        components, "symbols-" + UUID.randomUUID(), folder.resolve("streams"), Map.of());
  }

  private boolean isNamed(AgentProcess agent) throws Exception {
    GenericRecord newest = newestOf(agent);
    return newest != null
        && newest.get("location").toString().matches("[a-z_0-9]+\\+0x[0-9a-f]+")
        && ((List<?>) newest.get("missing")).isEmpty();
  }

  private GenericRecord newestOf(AgentProcess agent) throws Exception {
    Published published = new Published(components, agent.hostId());
    var enriched = published.records(Topics.enriched(AgentProcess.PROBE));
    return enriched.isEmpty() ? null : published.value(enriched.getLast());
  }
}
