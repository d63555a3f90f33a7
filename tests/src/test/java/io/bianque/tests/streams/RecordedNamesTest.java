package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Section;

/** A second run over the same raw events, which reads the names that the first one recorded. */
@RealComponents({Component.BROKER, Component.REGISTRY})
class RecordedNamesTest {
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);

  private final Components components;
  @TempDir Path folder;

  RecordedNamesTest(Components components) {
    this.components = components;
  }

  private StreamsProcess process(String name, Map<String, String> more) throws Exception {
    return new StreamsProcess(
        components, name + "-" + UUID.randomUUID(), folder.resolve(name), more);
  }

  @Test
  void givesEachEventWhatItWasGivenThoughDnsSaysOtherwise() throws Exception {
    try (Dns dns = new Dns();
        Fleet fleet = new Fleet(components, 4);
        StreamsProcess live =
            process(
                "live",
                Map.of(
                    "BIANQUE_STREAMS_NAMES_FROM",
                    "dns",
                    "BIANQUE_STREAMS_DNS_SERVERS",
                    "127.0.0.1:" + dns.socket.getLocalPort()));
        StreamsProcess replay = process("replay", Map.of("BIANQUE_STREAMS_NAMES_FROM", "topic"))) {
      live.start();
      live.awaitHealthy();
      fleet.facts();
      fleet.symbols();
      fleet.drops();
      fleet.flush();
      awaitEnriched(fleet, 4);
      dns.name = "after.example.";
      // Until the answer's time is up, and one that has the new name has come.
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofSeconds(2))
          .until(() -> {
            fleet.drops();
            fleet.flush();
            return fleet.committed(ENRICHED).stream()
                .anyMatch(event -> "after.example".equals(event.get("saddr_name")));
          });
      awaitEnriched(fleet, Math.toIntExact(4 * fleet.sentByEach()));
      live.stop();
      List<GenericRecord> given = fleet.committed(ENRICHED);
      assertThat(given)
          .extracting(event -> event.get("saddr_name"))
          .contains("before.example", "after.example");

      dns.name = "today.example.";
      int asked = dns.questions.get();
      replay.start();
      replay.awaitHealthy();
      awaitEnriched(fleet, 2 * given.size());

      Map<String, List<GenericRecord>> runs =
          fleet.committed(ENRICHED).stream()
              .collect(Collectors.groupingBy(event -> event.get("event_id").toString()));
      assertThat(runs).hasSize(given.size());
      assertThat(runs.values())
          .allSatisfy(both -> {
            assertThat(both).hasSize(2);
            assertThat(both.getLast()).isEqualTo(both.getFirst());
          });
      assertThat(dns.questions).hasValue(asked);
    }
  }

  private static void awaitEnriched(Fleet fleet, int least) {
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> fleet.committed(ENRICHED).size() >= least);
  }

  /** Has the same name for every address, for as short a time as can be. */
  static final class Dns implements AutoCloseable {
    final DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress());
    final AtomicInteger questions = new AtomicInteger();
    // From the start: events that another class left in the broker may ask first.
    volatile String name = "before.example.";

    Dns() throws IOException {
      Thread.ofVirtual().start(this::serve);
    }

    private void serve() {
      try {
        while (true) {
          DatagramPacket packet = new DatagramPacket(new byte[512], 512);
          socket.receive(packet);
          Message question = new Message(Arrays.copyOf(packet.getData(), packet.getLength()));
          questions.incrementAndGet();
          Message answer = new Message(question.getHeader().getID());
          answer.getHeader().setFlag(Flags.QR);
          answer.addRecord(question.getQuestion(), Section.QUESTION);
          Name asked = question.getQuestion().getName();
          answer.addRecord(
              new PTRRecord(asked, DClass.IN, 0, Name.fromString(name)), Section.ANSWER);
          byte[] bytes = answer.toWire();
          socket.send(new DatagramPacket(bytes, bytes.length, packet.getSocketAddress()));
        }
      } catch (IOException closed) {
        // The end.
      }
    }

    @Override
    public void close() {
      socket.close();
    }
  }
}
