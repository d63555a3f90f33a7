package io.bianque.agent.publish;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.StringLength;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

class ByHostTest {
  @Property
  void aHostsContainersMeetItsEvents(
      @ForAll @AlphaChars @StringLength(min = 1, max = 40) String host,
      @ForAll @AlphaChars @StringLength(max = 40) String rest,
      @ForAll @IntRange(min = 1, max = 200) int partitions) {
    int ofEvents = BuiltInPartitioner.partitionForKey(bytes(host), partitions);

    assertThat(ByHost.partition(bytes(host), partitions)).isEqualTo(ofEvents);
    assertThat(ByHost.partition(bytes(host + "/" + rest), partitions)).isEqualTo(ofEvents);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
