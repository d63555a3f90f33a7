package io.bianque.agent.publish;

import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.utils.Utils;

/**
 * Partitions by what stands before the first slash of a key, as Kafka does by the whole key: with
 * {@code <host id>} and {@code <host id>/<cgroup>} alike, a host's containers meet its events.
 */
public final class ByHost implements Partitioner {
  @Override
  public int partition(
      String topic, Object key, byte[] keyBytes, Object value, byte[] valueBytes, Cluster cluster) {
    return partition(keyBytes, cluster.partitionsForTopic(topic).size());
  }

  static int partition(byte[] key, int partitions) {
    int end = 0;
    while (end < key.length && key[end] != '/') {
      end++;
    }
    return Utils.toPositive(Utils.murmur2(Arrays.copyOf(key, end))) % partitions;
  }

  @Override
  public void configure(Map<String, ?> configs) {}

  @Override
  public void close() {}
}
