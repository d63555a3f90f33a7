package io.bianque.schemas.catalogue;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A topic as the catalogue describes it, with its probe's name filled in.
 *
 * @param key what the record key is, for people; always a UTF-8 string
 * @param valueSchemaResource the value's schema below {@code avro/}: {@code raw/dropwatch.avsc}
 * @param partitions in the standalone stack
 * @param retention of a topic that is cleaned by deletion, else empty
 * @param compactionLag how long a compacted topic keeps every record, the superseded ones too, else
 *     empty
 * @param writers principals that may write
 * @param readers principals that may read
 */
public record Topic(
    String name,
    String purpose,
    String key,
    String valueSchemaResource,
    int partitions,
    Cleanup cleanup,
    Optional<Duration> retention,
    Optional<Duration> compactionLag,
    List<String> writers,
    List<String> readers) {

  public Topic {
    writers = List.copyOf(writers);
    readers = List.copyOf(readers);
  }

  /** The same topic of another probe. */
  Topic ofProbe(String probe, String other) {
    return new Topic(
        name.replace("." + probe, "." + other),
        purpose,
        key,
        valueSchemaResource.replace("/" + probe + ".", "/" + other + "."),
        partitions,
        cleanup,
        retention,
        compactionLag,
        writers,
        readers);
  }

  /** The registry's subject of this topic's values. */
  public String subject() {
    return Topics.subject(name);
  }

  /** Topic configuration by Kafka's names; everything else stays at the broker's defaults. */
  public Map<String, String> config() {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("cleanup.policy", cleanup == Cleanup.COMPACT ? "compact" : "delete");
    // As the producers compress: the broker then stores their batches as they came.
    config.put("compression.type", "zstd");
    // Record time is the kernel's. Since Kafka 4.0 brokers refuse what lies an hour ahead of their
    // own clock, and a
    // host with a wrong clock would lose every event.
    config.put("message.timestamp.after.max.ms", Long.toString(Long.MAX_VALUE));
    retention.ifPresent(r -> config.put("retention.ms", Long.toString(r.toMillis())));
    compactionLag.ifPresent(
        lag -> config.put("min.compaction.lag.ms", Long.toString(lag.toMillis())));
    return config;
  }
}
