package io.bianque.agent.config;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigValue;

/**
 * Which producer properties an operator may pass on: how to connect and how to batch. What decides
 * whether an event can be lost or written twice (acks, idempotence, timeouts of delivery, retries)
 * is the agent's own.
 */
final class ClientProperties {
  private static final Set<String> ALLOWED =
      Set.of(
          "security.protocol",
          "client.id",
          "client.dns.lookup",
          "request.timeout.ms",
          "reconnect.backoff.ms",
          "reconnect.backoff.max.ms",
          "retry.backoff.ms",
          "retry.backoff.max.ms",
          "socket.connection.setup.timeout.ms",
          "socket.connection.setup.timeout.max.ms",
          "connections.max.idle.ms",
          "metadata.max.age.ms",
          "send.buffer.bytes",
          "receive.buffer.bytes",
          "linger.ms",
          "batch.size",
          "buffer.memory",
          "max.request.size",
          "compression.type",
          "compression.zstd.level",
          "compression.lz4.level",
          "compression.gzip.level");

  private static final Map<String, String> OWN =
      Map.ofEntries(
          Map.entry("bootstrap.servers", "set kafka.bootstrap_servers"),
          Map.entry(
              "acks", "always all: an event counts as delivered when every in-sync replica has it"),
          Map.entry("enable.idempotence", "always true: no event is written twice"),
          Map.entry(
              "delivery.timeout.ms", "unlimited: an event given to the producer is never given up"),
          Map.entry("retries", "unlimited: an event given to the producer is never given up"),
          Map.entry("max.block.ms", "always 0: the kernel's events are never kept waiting"),
          Map.entry("max.in.flight.requests.per.connection", "the idempotent producer's 5"),
          Map.entry("partitioner.class", "events must meet the facts of their host"),
          Map.entry("key.serializer", "keys and values are bytes already"),
          Map.entry("value.serializer", "keys and values are bytes already"),
          Map.entry("transactional.id", "the agent uses no transactions"));

  private ClientProperties() {}

  /** Why a property is refused; empty when it may be passed on. */
  static Optional<String> refusal(String name) {
    boolean security = name.startsWith("ssl.") || name.startsWith("sasl.");
    if (ALLOWED.contains(name) || (security && ProducerConfig.configNames().contains(name))) {
      return Optional.empty();
    }
    String reason = OWN.get(name);
    if (reason != null) {
      return Optional.of("is the agent's own: " + reason);
    }
    return Optional.of(
        "is not a producer property that may be set"
            + Suggestion.of(name, security ? ProducerConfig.configNames() : ALLOWED)
                .map(near -> "; did you mean " + near + "?")
                .orElse(".")
            + " Allowed are ssl.*, sasl.* and "
            + String.join(", ", ALLOWED.stream().sorted().toList()));
  }

  /** Properties whose value the producer would refuse, with its reason. */
  static Map<String, String> wrongValues(Map<String, String> properties) {
    if (properties.isEmpty()) {
      return Map.of();
    }
    return ProducerConfig.configDef().validate(properties).stream()
        .filter(each -> properties.containsKey(each.name()) && !each.errorMessages().isEmpty())
        .collect(Collectors.toMap(ConfigValue::name, each -> each.errorMessages().getFirst()));
  }
}
