package io.bianque.standalone.live;

import io.bianque.standalone.part.Broker;
import io.bianque.standalone.part.Connect;
import io.bianque.standalone.part.Streams;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** How many records the stream tier and the sinks have yet to process. */
public final class Lag {

  private Lag() {}

  /** Records behind, by part; empty when the broker cannot be asked. */
  public static Map<String, Long> byPart(String bootstrapServers) throws InterruptedException {
    try (Admin admin = Broker.admin(bootstrapServers)) {
      Map<String, ListConsumerGroupOffsetsSpec> groups =
          admin.listGroups().valid().get(5, TimeUnit.SECONDS).stream()
              .map(GroupListing::groupId)
              .filter(group -> part(group) != null)
              .collect(
                  Collectors.toMap(group -> group, group -> new ListConsumerGroupOffsetsSpec()));
      Map<String, Map<TopicPartition, OffsetAndMetadata>> committed =
          admin.listConsumerGroupOffsets(groups).all().get(5, TimeUnit.SECONDS);
      Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
      committed
          .values()
          .forEach(offsets -> offsets.keySet().forEach(p -> asked.put(p, OffsetSpec.latest())));
      var ends = admin.listOffsets(asked).all().get(5, TimeUnit.SECONDS);
      Map<String, Long> lag = new HashMap<>();
      committed.forEach((group, offsets) ->
          offsets.forEach((partition, offset) -> {
            if (offset != null) {
              long behind = Math.max(0, ends.get(partition).offset() - offset.offset());
              lag.merge(part(group), behind, Long::sum);
            }
          }));
      return lag;
    } catch (ExecutionException | TimeoutException unknown) {
      return Map.of();
    }
  }

  private static String part(String group) {
    if (group.startsWith("connect-")) {
      return Connect.NAME;
    }
    return group.startsWith("bianque-streams") ? Streams.NAME : null;
  }
}
