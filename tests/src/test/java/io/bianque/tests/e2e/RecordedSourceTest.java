package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.stack.OwnedProcess;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;

/**
 * A user without rights and {@code up --source recorded}: in a checkout in a home that nobody else
 * may enter, from a port that is taken to data that is wiped. Each test goes on from the one
 * before.
 */
@Tag("e2e")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@ExtendWith(RecordedSourceTest.Account.class)
class RecordedSourceTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration UP = Duration.ofMinutes(6);
  private static final Set<String> PARTS =
      Set.of("broker", "registry", "search", "object-store", "connect", "streams", "agent");

  private static OrdinaryUser user;
  private static Path checkout;
  private static Ports ports;
  private static Map<String, String> environment;
  private static RecordedDrops recorded;

  @BeforeAll
  static void giveAUserACheckoutThatIsBuilt() throws IOException {
    user = OrdinaryUser.make();
    Path origin = Checkout.here().folder();
    checkout = user.home().resolve("bianque");
    Path servers = user.folder().resolve("servers");
    ports = Ports.free();
    environment =
        Map.of(
            "JAVA_HOME", System.getProperty("java.home"),
            "BIANQUE_SERVERS", servers.toString(),
            "BIANQUE_PORT_BASE", Integer.toString(ports.base()));
    String originServers =
        Optional.ofNullable(System.getenv("BIANQUE_SERVERS"))
            .orElse(origin.resolve("data/servers").toString());
    // Links: the servers are large, and only read. Times are kept, since what is built is known by
    // them.
    Shell.run(
            origin,
            Map.of(),
            UP,
            """
            set -e
            cp -al '%1$s' '%2$s' || cp -a '%1$s' '%2$s'
            mkdir '%3$s'
            modules="bpf schemas probe-agent stream-processors sinks standalone"
            tar -c --format=posix --exclude=target bianque pom.xml .mvn deploy $modules | tar -x -C '%3$s'
            tar -c --format=posix standalone/target/.built */target/dist | tar -x -C '%3$s'
            chown -R '%4$s:' '%3$s'
            """
                .formatted(originServers, servers, checkout, user.name()))
        .succeeded();
    assumeTrue(
        user.run(checkout, environment, UP, "\"$JAVA_HOME/bin/java\" -version").exit() == 0,
        "this JDK is where only its owner can run it: " + environment.get("JAVA_HOME"));
    recorded = RecordedDrops.in(checkout.resolve("probe-agent/target/dist/recordings"));
  }

  @AfterAll
  static void wipe() {
    if (user != null) {
      user.close();
    }
  }

  @Order(1)
  @Test
  void aPortThatIsTakenIsSaidAndByWhomAndNothingIsStarted() throws Exception {
    List<String> server = new ArrayList<>(user.as(environment));
    server.addAll(
        List.of(
            environment.get("JAVA_HOME") + "/bin/jwebserver",
            "-b",
            "127.0.0.1",
            "-d",
            "/",
            "-p",
            Integer.toString(ports.search())));
    Process taken = new ProcessBuilder(server).redirectErrorStream(true).start();
    try (ServerSocket ofRoot =
        new ServerSocket(ports.connect(), 1, InetAddress.getLoopbackAddress())) {
      await().atMost(Duration.ofSeconds(20)).until(() -> !Ports.isFree(ports.search()));

      Shell up = bianque("up --source recorded");

      assertThat(up.exit()).isEqualTo(3);
      assertThat(up.errors())
          .contains("port " + ports.search() + " (search) is in use by pid " + taken.pid())
          .contains(
              "port "
                  + ofRoot.getLocalPort()
                  + " (connect) is in use by a process of another user (root, uid 0)")
          .contains("--port-base");
      assertThat(bianque("status").exit()).isEqualTo(4);
    } finally {
      taken.destroyForcibly().waitFor();
    }
  }

  @Order(2)
  @Test
  void aUserWithoutRightsIsToldSoAndWhatToDoInstead() {
    Shell up = bianque("up");

    assertThat(up.exit()).isEqualTo(3);
    assertThat(up.errors()).contains("CAP_BPF", "./bianque up --source recorded");
  }

  @Order(3)
  @Test
  void theStackComesUpAsThisUserAndNoOther() throws IOException {
    Shell up = bianque("up --source recorded");
    System.out.println(up.output());

    assertThat(up.exit()).as(up.errors()).isZero();
    assertThat(up.output()).contains("Everything works after", ports.bootstrapServers());
    assertThat(parts().values())
        .filteredOn(part -> part.hasNonNull("pid"))
        .hasSizeGreaterThanOrEqualTo(6)
        .allMatch(part -> user.owns(ProcessHandle.of(part.get("pid").asLong()).orElseThrow()));
  }

  @Order(4)
  @Test
  void statusAsJsonNamesEachPartWithStateAddressProcessAndMemory() throws IOException {
    Map<String, JsonNode> parts = parts();

    assertThat(parts.keySet()).isEqualTo(PARTS);
    parts.forEach((name, part) -> {
      boolean done = name.equals("agent");
      assertThat(part.path("state").asText()).as(name).isEqualTo(done ? "finished" : "running");
      assertThat(part.path("url").asText()).as(name).matches("(http|kafka)://127\\.0\\.0\\.1:.+");
      assertThat(part.has("pid")).as(name).isTrue();
      assertThat(part.get("pid").isNull()).as(name).isEqualTo(done);
      assertThat(part.path("rss_bytes").isIntegralNumber()).as(name).isTrue();
      assertThat(part.path("rss_bytes").asLong() > 10_000_000).as(name).isEqualTo(!done);
    });
    assertThat(bianque("status").exit()).isZero();
  }

  @Order(5)
  @Test
  void everyRecordedEventIsADocumentThatSaysWhyAndThroughWhichFunctions() {
    awaitDocuments(recorded.events());
    List<JsonNode> drops = search().drops("{\"match_all\": {}}");

    Map<String, Integer> reasons = new TreeMap<>();
    drops.forEach(
        drop -> reasons.merge(drop.at("/bianque/dropwatch/drop_reason").asText(), 1, Integer::sum));
    assertThat(reasons).isEqualTo(recorded.byReason());
    assertThat(drops)
        .allSatisfy(drop -> {
          assertThat(drop.at("/host/name").asText()).isEqualTo("demo-host");
          assertThat(drop.at("/bianque/dropwatch/kernel_stack/0").asText())
              .startsWith("sk_skb_reason_drop+0x");
        });
    assertThat(drops)
        .allSatisfy(drop -> {
          assertThat(drop.at("/bianque/missing").toString()).doesNotContain("symbols:");
          assertThat(frames(drop)).noneMatch(frame -> frame.startsWith("0x"));
        });
  }

  @Order(6)
  @Test
  void anotherUpOfAStackThatRunsChangesNothing() throws IOException {
    Map<String, JsonNode> before = parts();

    Shell up = bianque("up --source recorded");

    assertThat(up.exit()).isZero();
    assertThat(up.output()).contains("runs already", "Nothing was changed");
    Map<String, JsonNode> after = parts();
    for (String part : PARTS) {
      for (String field : List.of("pid", "since", "restarts", "state")) {
        assertThat(after.get(part).get(field)).as(part).isEqualTo(before.get(part).get(field));
      }
    }
    assertThat(search().count("{\"match_all\": {}}")).isEqualTo(recorded.events());
  }

  @Order(7)
  @Test
  void downEndsEveryProcessAndTheNextUpFindsWhatWasThere() throws Exception {
    List<OwnedProcess> processes = user.processes();
    Set<String> before = eventIds();
    List<String> tail = new ArrayList<>(user.as(environment));
    tail.addAll(List.of("./bianque", "tail", "hosts", "--from-beginning"));
    Process follower =
        new ProcessBuilder(tail).directory(checkout.toFile()).redirectErrorStream(true).start();
    assertThat(follower.inputReader().readLine()).contains("demo-host");

    Shell down = bianque("down");

    assertThat(down.exit()).isZero();
    assertThat(follower.waitFor(1, TimeUnit.MINUTES)).as("tail ends with its stack").isTrue();
    assertThat(follower.exitValue()).isEqualTo(4);
    assertThat(processes).isNotEmpty().noneMatch(OwnedProcess::isAlive);
    Shell status = bianque("status --output json");
    assertThat(status.exit()).isEqualTo(4);
    assertThat(JSON.readTree(status.output()).path("parts")).isEmpty();

    bianque("up --source recorded").succeeded();

    // The recording is played anew, as events of now: those of before are beside them.
    awaitDocuments(2 * recorded.events());
    assertThat(eventIds()).hasSize(2 * recorded.events()).containsAll(before);
  }

  @Order(8)
  @Test
  void wipeLeavesNothing() throws IOException {
    Shell down = bianque("down --wipe");

    assertThat(down.exit()).isZero();
    assertThat(user.processes()).isEmpty();
    try (Stream<Path> left = Files.list(checkout.resolve("data"))) {
      assertThat(left).isEmpty();
    }
    assertThat(bianque("down").output()).contains("Nothing is running");
  }

  private static void awaitDocuments(int count) {
    await()
        .atMost(Duration.ofMinutes(2))
        .pollInterval(Duration.ofMillis(500))
        .until(() -> search().count("{\"match_all\": {}}") >= count);
    search().refresh();
    assertThat(search().count("{\"match_all\": {}}")).isEqualTo(count);
  }

  private static Set<String> eventIds() {
    Set<String> ids = new TreeSet<>();
    search()
        .drops("{\"match_all\": {}}")
        .forEach(drop -> ids.add(drop.at("/bianque/event_id").asText()));
    return ids;
  }

  private static List<String> frames(JsonNode drop) {
    return StreamSupport.stream(drop.at("/bianque/dropwatch/kernel_stack").spliterator(), false)
        .map(JsonNode::asText)
        .toList();
  }

  private static Map<String, JsonNode> parts() throws IOException {
    Map<String, JsonNode> parts = new TreeMap<>();
    JSON.readTree(bianque("status --output json").succeeded())
        .path("parts")
        .forEach(part -> parts.put(part.path("name").asText(), part));
    return parts;
  }

  private static Search search() {
    return new Search(ports.http(ports.search()));
  }

  private static Shell bianque(String arguments) {
    return user.run(checkout, environment, UP, "./bianque " + arguments);
  }

  /** What the stack says of itself, when a test has failed. */
  static final class Account implements TestWatcher {
    @Override
    public void testFailed(ExtensionContext context, Throwable cause) {
      System.out.println(bianque("status; tail -n 20 data/logs/*.log").output());
    }
  }
}
