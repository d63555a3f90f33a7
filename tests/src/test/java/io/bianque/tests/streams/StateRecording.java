package io.bianque.tests.streams;

import static org.awaitility.Awaitility.await;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Records what this version leaves in Kafka, for {@link UpgradeTest} of later ones. It is run by
 * its name only:
 *
 * <pre>
 * ./bianque build
 * mvn -pl tests -am package -Dtest=StateRecording -Dtest.groups= -Dtest.excluded=none \
 *     -Dsurefire.failIfNoSpecifiedTests=false -Drecorded.as=0.2.0
 * </pre>
 */
class StateRecording {
  /** Hosts whose events were enriched. */
  static final List<String> KNOWN = List.of("known-1", "known-2");

  /** A host that has told nothing of itself, and whose events wait. */
  static final List<String> SILENT = List.of("silent");

  /** A host with another kernel, whose symbols nobody has sent. */
  static final List<String> UNRESOLVED = List.of("unresolved");

  static final Path STATES = Path.of("src/test/resources/io/bianque/tests/streams/state");

  static final String BOOT = "boot";
  static final String KERNEL = "00aa11bb22cc";
  static final String OTHER_KERNEL = "33dd44ee55ff";

  /** Events of each known host, and one that comes twice. */
  static final int ROUNDS = 50;

  /** Events of each that waits. */
  static final int WAITING = 3;

  static final String HOST_NAME = "host-before-";
  static final String CONTAINER_NAME = "container-before";
  static final String DNS_NAME = "name-before.example";

  @TempDir Path folder;

  static void inTheContainer(GenericRecord event) {
    event.put("cgroup_id", Fleet.CGROUP);
  }

  static StreamsProcess process(
      Components components, String application, Path folder, RecordedNamesTest.Dns dns)
      throws IOException {
    return new StreamsProcess(
        components,
        application,
        folder,
        Map.of(
            // Until the state is used, which may be years later.
            "BIANQUE_STREAMS_WAIT_FACTS",
            "50000000m",
            "BIANQUE_STREAMS_WAIT_SYMBOLS",
            "50000000m",
            "BIANQUE_STREAMS_WAIT_NAMES",
            "10s",
            "BIANQUE_STREAMS_NAMES_FROM",
            "dns",
            "BIANQUE_STREAMS_DNS_SERVERS",
            "127.0.0.1:" + dns.socket.getLocalPort()));
  }

  @Test
  void ofThisVersion() throws Exception {
    Path file =
        Files.createDirectories(STATES).resolve(System.getProperty("recorded.as") + ".json.gz");
    String application = "recorded";
    try (Components servers = new Components()) {
      servers.start(Component.BROKER, Component.REGISTRY);
      try (RecordedNamesTest.Dns dns = new RecordedNamesTest.Dns();
          Fleet known = new Fleet(servers, KNOWN, BOOT, KERNEL);
          Fleet silent = new Fleet(servers, SILENT, BOOT, KERNEL);
          Fleet unresolved = new Fleet(servers, UNRESOLVED, BOOT, OTHER_KERNEL);
          StreamsProcess streams = process(servers, application, folder, dns)) {
        dns.name = DNS_NAME + ".";
        streams.start();
        streams.awaitHealthy();
        known.facts(HOST_NAME);
        known.containers(CONTAINER_NAME);
        known.symbols();
        unresolved.facts();
        for (int i = 0; i < ROUNDS; i++) {
          known.drops(StateRecording::inTheContainer);
        }
        known.drops(event -> event.put("sequence", (long) ROUNDS));
        for (int i = 0; i < WAITING; i++) {
          silent.drops();
          unresolved.drops();
        }
        List.of(known, silent, unresolved).forEach(Fleet::flush);
        await()
            .atMost(Duration.ofSeconds(60))
            .until(() ->
                known.committed(Topics.enriched(Fleet.PROBE)).size() == ROUNDS * KNOWN.size()
                    && streams.get("/health").contains("\"waiting\":" + 2 * WAITING)
                    && !unresolved.committed(Topics.SYMBOL_REQUESTS).isEmpty());
        known.counters();
        await()
            .atMost(Duration.ofSeconds(30))
            .until(() -> known.committed(Topics.LEDGER).size() >= KNOWN.size());
        streams.stop();
        RecordedState.of(servers, application).write(file);
      }
    }
  }
}
