package io.bianque.tests.components;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.standalone.part.Broker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What tests rely on, whether the broker is a process or a container. */
@RealComponents(Component.BROKER)
@Tag("kafka")
class KillableBrokerTest {

  private final Components components;

  KillableBrokerTest(Components components) {
    this.components = components;
  }

  @Test
  void aKilledBrokerComesBackAtTheSameAddressWithWhatWasCommittedAndNothingElse() throws Exception {
    String topic = "kept-over-a-kill";
    try (Admin admin = Broker.admin(components.bootstrapServers())) {
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
    }
    send(topic, "one", true);
    send(topic, "never", false);

    components.kill(Component.BROKER);
    components.start(Component.BROKER);
    send(topic, "two", true);

    assertThat(committed(topic, 2)).containsExactly("one", "two");
  }

  /**
   * @param commit else its transaction is left open, as by a producer that was killed. One that is
   *     ended while a lone broker is killed may come out as committed, though it was aborted
   *     (KAFKA-20734, seen with 4.3.1)
   */
  private void send(String topic, String value, boolean commit) throws Exception {
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                components.bootstrapServers(),
                ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                topic),
            new StringSerializer(),
            new StringSerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, value)).get();
      if (commit) {
        producer.commitTransaction();
      } else {
        producer.close(Duration.ZERO);
      }
    }
  }

  private List<String> committed(String topic, int count) {
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                components.bootstrapServers(),
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                "read_committed"),
            new StringDeserializer(),
            new StringDeserializer())) {
      List<TopicPartition> partitions = List.of(new TopicPartition(topic, 0));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      List<String> values = new ArrayList<>();
      Awaitility.await()
          .until(() -> {
            consumer.poll(Duration.ofMillis(200)).forEach(record -> values.add(record.value()));
            return values.size() >= count;
          });
      return values;
    }
  }
}
