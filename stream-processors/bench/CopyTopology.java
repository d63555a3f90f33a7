package io.bianque.streams.run;

import io.bianque.streams.config.Settings;
import java.util.Optional;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/** Copies a topic into another, with the stream tier's settings and nothing of what it does. Arguments: from, to. */
final class CopyTopology {
  private CopyTopology() {}

  public static void main(String[] arguments) {
    Settings settings = Settings.load(Optional.empty(), System.getenv());
    StreamsBuilder builder = new StreamsBuilder();
    builder
        .stream(arguments[0], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .to(arguments[1], Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), StreamsProperties.of(settings));
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }
}
