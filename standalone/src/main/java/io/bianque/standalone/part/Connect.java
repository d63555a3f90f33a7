package io.bianque.standalone.part;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** One Kafka Connect worker with our sinks as its plugin. */
public final class Connect {

  public static final String NAME = "connect";
  private static final ObjectMapper JSON = new ObjectMapper();

  private Connect() {}

  public static Part part(Layout layout, Ports ports, Set<String> setUpAfter, Part.SetUp setUp) {
    URI url = ports.http(ports.connect());
    return new Part(
        NAME,
        Versions.of("kafka"),
        url,
        layout.log(NAME),
        Set.of(Broker.NAME),
        setUpAfter,
        Duration.ofSeconds(15),
        Part.Ends.NEVER,
        () -> prepare(layout, ports),
        () -> problem(url),
        setUp);
  }

  private static Command prepare(Layout layout, Ports ports) throws IOException {
    Path folder = layout.of(NAME);
    Files.createDirectories(folder);
    Path config = folder.resolve("connect.properties");
    Files.writeString(
        config,
        """
        bootstrap.servers=%1$s
        listeners=http://127.0.0.1:%2$d
        rest.advertised.host.name=127.0.0.1
        group.id=bianque-connect
        config.storage.topic=bianque-connect-configs
        offset.storage.topic=bianque-connect-offsets
        status.storage.topic=bianque-connect-status
        config.storage.replication.factor=1
        offset.storage.replication.factor=1
        status.storage.replication.factor=1
        offset.storage.partitions=1
        status.storage.partitions=1
        plugin.path=%3$s
        plugin.discovery=service_load
        key.converter=org.apache.kafka.connect.converters.ByteArrayConverter
        value.converter=org.apache.kafka.connect.converters.ByteArrayConverter
        connector.client.config.override.policy=All
        # A killed worker's place is free after 6 s, and there is no second worker to wait for.
        session.timeout.ms=6000
        heartbeat.interval.ms=2000
        scheduled.rebalance.max.delay.ms=0
        offset.flush.interval.ms=1000
        # The stream tier writes in transactions.
        consumer.isolation.level=read_committed
        consumer.auto.offset.reset=earliest
        consumer.session.timeout.ms=10000
        consumer.heartbeat.interval.ms=3000
        """
            .formatted(ports.bootstrapServers(), ports.connect(), layout.sinksDist()));
    return Jvm.run(
        layout,
        NAME,
        layout.server(NAME).resolve("lib"),
        "256m",
        "org.apache.kafka.connect.cli.ConnectDistributed",
        config.toString());
  }

  /** Up means that the REST API answers and no connector or task has failed. */
  private static Optional<String> problem(URI url) {
    try {
      Http.Answer answer =
          Http.request("GET", url.resolve("/connectors?expand=status"), Map.of())
              .orFail("/connectors");
      for (JsonNode connector : JSON.readTree(answer.body())) {
        JsonNode status = connector.path("status");
        Optional<String> failed = failure(status);
        if (failed.isPresent()) {
          // A task that failed stays so by Connect's rule until somebody restarts it; what failed
          // it may be over by now.
          Http.post(
              url.resolve(
                  "/connectors/"
                      + status.path("name").asText()
                      + "/restart?includeTasks=true&onlyFailed=true"),
              "");
          return failed.map(why -> status.path("name").asText() + ": " + why + " (restarting it)");
        }
      }
      return Optional.empty();
    } catch (IOException none) {
      return Optional.of("no good answer from " + url + ": " + none.getMessage());
    }
  }

  private static Optional<String> failure(JsonNode status) {
    if (status.path("connector").path("state").asText().equals("FAILED")) {
      return Optional.of(
          "the connector failed: " + firstLine(status.path("connector").path("trace")));
    }
    for (JsonNode task : status.path("tasks")) {
      if (task.path("state").asText().equals("FAILED")) {
        return Optional.of(
            "task " + task.path("id").asInt() + " failed: " + firstLine(task.path("trace")));
      }
    }
    return Optional.empty();
  }

  private static String firstLine(JsonNode trace) {
    return trace.asText().lines().findFirst().orElse("no reason given");
  }
}
