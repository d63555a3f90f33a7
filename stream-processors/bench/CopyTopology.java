package io.bianque.streams.run;

import io.bianque.streams.config.Settings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.ValueMapper;

/**
 * Copies a topic into another, with the stream tier's settings and nothing of what it does. Arguments: from, to, and a
 * third topic where for each record one of that one's is to be written, in turn: as many bytes go out as there.
 */
final class CopyTopology {
  private static final int SAMPLE = 50_000;

  private CopyTopology() {}

  public static void main(String[] arguments) {
    Settings settings = Settings.load(Optional.empty(), System.getenv());
    ValueMapper<byte[], byte[]> written =
        arguments.length > 2 ? inTurn(sample(settings.bootstrapServers(), arguments[2], SAMPLE)) : value -> value;
    StreamsBuilder builder = new StreamsBuilder();
    builder
        .stream(arguments[0], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .mapValues(written)
        .to(arguments[1], Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), StreamsProperties.of(settings));
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static ValueMapper<byte[], byte[]> inTurn(List<byte[]> values) {
    int[] next = {0};
    return value -> values.get(next[0]++ % values.size());
  }

  /** Values of a topic's first partition that are committed, from the first on, at most so many. */
  static List<byte[]> sample(String bootstrap, String topic, int most) {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      List<byte[]> values = new ArrayList<>();
      while (values.size() < most && consumer.position(partition) < end) {
        consumer.poll(Duration.ofSeconds(1)).forEach(record -> values.add(record.value()));
      }
      return values.subList(0, Math.min(most, values.size()));
    }
  }
}
