package io.bianque.streams.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.config.Settings;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;

class StreamsPropertiesTest {
  private static StreamsConfig config(Map<String, String> environment) {
    Properties properties = StreamsProperties.of(Settings.load(Optional.empty(), environment));
    return new StreamsConfig(properties);
  }

  @Test
  void kafkasOwnSettingsTakeThePlaceOfOurs() {
    StreamsConfig config =
        config(
            Map.of(
                "BIANQUE_STREAMS_KAFKA_CONSUMER_SESSION_TIMEOUT_MS", "6000",
                "BIANQUE_STREAMS_KAFKA_PRODUCER_LINGER_MS", "5"));
    assertThat(config.getMainConsumerConfigs("group", "client", 0))
        .containsEntry("session.timeout.ms", "6000")
        .containsEntry("heartbeat.interval.ms", 3_000);
    assertThat(config.getProducerConfigs("client")).containsEntry("linger.ms", "5");
  }

  @Test
  void whatCorrectnessRestsOnStays() {
    StreamsConfig config =
        config(
            Map.of(
                "BIANQUE_STREAMS_KAFKA_PROCESSING_GUARANTEE", "at_least_once",
                "BIANQUE_STREAMS_KAFKA_NUM_STANDBY_REPLICAS", "3",
                "BIANQUE_STREAMS_KAFKA_MAIN_CONSUMER_AUTO_OFFSET_RESET", "latest"));
    assertThat(config.getString(StreamsConfig.PROCESSING_GUARANTEE_CONFIG))
        .isEqualTo(StreamsConfig.EXACTLY_ONCE_V2);
    assertThat(config.getInt(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG)).isZero();
    assertThat(config.getMainConsumerConfigs("group", "client", 0))
        .containsEntry("auto.offset.reset", "earliest");
  }
}
