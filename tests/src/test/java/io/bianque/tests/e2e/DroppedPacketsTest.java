package io.bianque.tests.e2e;

import static io.bianque.agent.testing.NetnsPair.Side.RIGHT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.agent.testing.NetnsPair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A new user's way: clone, {@code up}, and this kernel's dropped packets are documents that say
 * who, where, why and through which functions.
 */
@Tag("e2e")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DroppedPacketsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration SEEN_WITHIN = Duration.ofSeconds(10);
  private static final ReverseDns DNS =
      ReverseDns.serving(
          Map.of(
              "192.0.2.1", "west.bianque.example",
              "192.0.2.2", "east.bianque.example",
              "2001:db8::1", "west6.bianque.example",
              "2001:db8::2", "east6.bianque.example"));

  @RegisterExtension
  static final StackUnderTest STACK =
      StackUnderTest.ofCleanClone(() -> Map.of("BIANQUE_STREAMS_DNS_SERVERS", DNS.address()));

  private static NetnsPair network;

  @BeforeAll
  static void joinNamespaces() {
    network = NetnsPair.open();
    network.nft(RIGHT, "input", "tcp dport 4001 drop");
    STACK.awaitFirstDocument();
  }

  @AfterAll
  static void tearDown() {
    if (network != null) {
      network.close();
    }
    DNS.close();
  }

  /**
   * What the document must say.
   *
   * @param function one of the functions that its stack must name
   * @param state of the socket, or null where the packet has none
   */
  record Drop(
      String transport, String version, int port, String reason, String function, String state) {}

  static Stream<Arguments> drops() {
    return Stream.of(
        arguments(
            "nftables drops a SYN",
            new Drop("tcp", "", 4001, "NETFILTER_DROP", "nft_do_chain", null),
            (Trigger.Action) network -> Trigger.connect(network, RIGHT.ipv4(), 4001)),
        arguments(
            "a SYN to a closed port",
            new Drop("tcp", "", 4002, "NO_SOCKET", "tcp_v4_rcv", null),
            (Trigger.Action) network -> Trigger.connect(network, RIGHT.ipv4(), 4002)),
        arguments(
            "a datagram to a closed port",
            new Drop("udp", "", 4003, "NO_SOCKET", "__udp4_lib_rcv", null),
            (Trigger.Action) network -> Trigger.datagram(network, RIGHT.ipv4(), 4003)),
        arguments(
            "an IPv6 SYN to a closed port",
            new Drop("tcp", "6", 4004, "NO_SOCKET", "tcp_v6_rcv", null),
            (Trigger.Action) network -> Trigger.connect(network, RIGHT.ipv6(), 4004)),
        arguments(
            "a listener closed with an unaccepted child",
            new Drop("tcp", "", 4005, "QUEUE_PURGE", "inet_csk_listen_stop", "CLOSE"),
            (Trigger.Action)
                network -> Trigger.closeListenerWithUnacceptedChild(network, RIGHT.ipv4(), 4005)));
  }

  @Order(1)
  @ParameterizedTest(name = "{0}")
  @MethodSource("drops")
  void isADocumentWithinTenSeconds(String name, Drop drop, Trigger.Action trigger)
      throws Exception {
    long began = System.nanoTime();
    trigger.run(network);
    JsonNode document =
        await(name)
            .atMost(SEEN_WITHIN)
            .pollInterval(Duration.ofMillis(200))
            .until(() -> find(drop), found -> found != null);
    System.out.printf(
        "%s: seen after %.1f s: %s%n", name, (System.nanoTime() - began) / 1e9, document);

    assertThat(document.at("/source/ip").asText())
        .isEqualTo(drop.version().isEmpty() ? "192.0.2.1" : "2001:db8::1");
    assertThat(document.at("/destination/ip").asText())
        .isEqualTo(drop.version().isEmpty() ? "192.0.2.2" : "2001:db8::2");
    assertThat(document.at("/source/domain").asText())
        .isEqualTo("west" + drop.version() + ".bianque.example");
    assertThat(document.at("/destination/domain").asText())
        .isEqualTo("east" + drop.version() + ".bianque.example");
    assertThat(document.at("/source/port").asInt()).isBetween(1024, 65535);
    assertThat(document.at("/network/transport").asText()).isEqualTo(drop.transport());
    assertThat(document.at("/bianque/dropwatch/sk_state").asText(null)).isEqualTo(drop.state());
    assertThat(functions(document)).contains(drop.function());
    assertThat(document.at("/bianque/missing")).isEmpty();
  }

  private static JsonNode find(Drop drop) {
    return STACK.search().drops(toPort(drop.port())).stream()
        .filter(document ->
            document.at("/bianque/dropwatch/drop_reason").asText().equals(drop.reason()))
        .filter(document -> functions(document).contains(drop.function()))
        .findFirst()
        .orElse(null);
  }

  /** An agent sees all namespaces of the machine: only what was dropped in this test's own. */
  private static String toPort(int port) {
    return """
    {"bool": {"filter": [
      {"term": {"destination.port": %d}}, {"term": {"bianque.dropwatch.netns": %d}}]}}
    """
        .formatted(port, network.inode(RIGHT));
  }

  private static List<String> functions(JsonNode document) {
    return StreamSupport.stream(document.at("/bianque/dropwatch/kernel_stack").spliterator(), false)
        .map(frame -> frame.asText().replaceFirst("\\+0x.*", ""))
        .toList();
  }

  @Order(2)
  @Test
  void theRawTopicIsReadByAClientThatIsNotOurs() throws Exception {
    Trigger.datagram(network, RIGHT.ipv6(), 4006);
    await().atMost(SEEN_WITHIN).until(() -> STACK.search().count(toPort(4006)) == 1);
    JsonNode document = STACK.search().drops(toPort(4006)).getFirst();

    Path script = Files.createTempFile("read_raw", ".py");
    try (var source = DroppedPacketsTest.class.getResourceAsStream("read_raw.py")) {
      Files.write(script, source.readAllBytes());
    }
    JsonNode raw =
        Shell.run(
                Path.of("/"),
                Map.of(),
                Duration.ofMinutes(1),
                "/usr/bin/python3 %s %s %s bianque.raw.dropwatch"
                    .formatted(
                        script, STACK.ports().bootstrapServers(), STACK.ports().registryApi()))
            .succeeded()
            .lines()
            .map(DroppedPacketsTest::parse)
            .filter(record -> record.at("/event/dport").asInt() == 4006)
            .filter(record -> record.at("/event/netns").asLong() == network.inode(RIGHT))
            .findFirst()
            .orElseThrow();
    Files.delete(script);

    assertThat(raw.at("/event/daddr").asText()).isEqualTo("20010db8000000000000000000000002");
    assertThat(raw.at("/event/sport").asInt()).isEqualTo(document.at("/source/port").asInt());
    assertThat(raw.at("/event/kernel_stack"))
        .hasSameSizeAs(document.at("/bianque/dropwatch/kernel_stack"));
    assertThat(raw.at("/key").asText()).isEqualTo(document.at("/host/id").asText());
    assertThat(
            "bianque.raw.dropwatch-"
                + raw.at("/partition").asInt()
                + "-"
                + raw.at("/offset").asLong())
        .isEqualTo(document.at("/bianque/event_id").asText());
  }

  @Order(3)
  @Test
  void theReadmesQueryFindsDocuments() throws Exception {
    String query =
        STACK.checkout().readmeCommands().stream()
            .filter(command -> command.startsWith("curl ") && command.contains("_search"))
            .findFirst()
            .orElseThrow(() -> new AssertionError("the README shows no curl of a _search"));
    String output =
        Shell.run(
                Path.of("/"),
                Map.of(),
                Duration.ofMinutes(1),
                query.replace(":19100/", ":" + STACK.ports().search() + "/"))
            .succeeded();
    System.out.println("$ " + query + "\n" + output);
    assertThat(output).contains("logs-bianque.dropwatch", "drop_reason", "kernel_stack");
  }

  @Order(4)
  @Test
  void aFloodIsLimitedCountedAndCheap() throws Exception {
    long epoch = Balance.currentEpoch(STACK);
    Balance before = Balance.of(STACK, epoch).orElseThrow();
    Duration cpuBefore = STACK.cpuTime("agent");
    Flood flood = Flood.run(network, Duration.ofSeconds(10));
    double cpu =
        100.0 * STACK.cpuTime("agent").minus(cpuBefore).toMillis() / flood.took().toMillis();
    long resident = STACK.part("agent").path("rss_bytes").asLong();
    // With the agent alone it would not end: the next one goes on where it stopped.
    STACK.bianque("control stop dropwatch --all").succeeded();
    Balance balance = Balance.settled(STACK, epoch);
    STACK.bianque("control reset dropwatch --all").succeeded();
    System.out.printf(
        "flood: %,d drops/s for %.1f s by nftables' count; the agent used %.1f %% of one CPU and %.1f MB; %s%n",
        flood.perSecond(), flood.took().toMillis() / 1e3, cpu, resident / 1e6, balance);

    assertThat(flood.perSecond()).isGreaterThanOrEqualTo(200_000);
    assertThat(balance.attempted() - before.attempted()).isGreaterThanOrEqualTo(flood.dropped());
    // 100 a second on each CPU by default. The counters before may be ten seconds old, and what is
    // dropped until the probe stops counts too.
    long seconds = flood.took().toSeconds() + 30;
    assertThat(balance.submitted() - before.submitted())
        .isLessThanOrEqualTo(100 * seconds * Runtime.getRuntime().availableProcessors());
    balance.mustHold();
  }

  private static JsonNode parse(String line) {
    try {
      return JSON.readTree(line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
