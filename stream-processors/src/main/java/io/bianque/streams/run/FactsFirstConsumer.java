package io.bianque.streams.run;

import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.OptionalLong;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A consumer that reads {@link FactsFirst}. */
final class FactsFirstConsumer extends KafkaConsumer<byte[], byte[]> {
  private final FactsFirst order = new FactsFirst(new Fetching());

  FactsFirstConsumer(Map<String, Object> config) {
    super(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  @Override
  public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
    order.beforePoll(assignment());
    return super.poll(timeout);
  }

  @Override
  public void pause(Collection<TopicPartition> partitions) {
    order.pause(partitions);
  }

  @Override
  public void resume(Collection<TopicPartition> partitions) {
    order.resume(partitions);
  }

  private final class Fetching implements FactsFirst.Fetching {
    @Override
    public OptionalLong lag(TopicPartition partition) {
      return currentLag(partition);
    }

    @Override
    public void pause(Collection<TopicPartition> partitions) {
      FactsFirstConsumer.super.pause(partitions);
    }

    @Override
    public void resume(Collection<TopicPartition> partitions) {
      FactsFirstConsumer.super.resume(partitions);
    }
  }
}
