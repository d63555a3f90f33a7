package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.testing.NetnsPair;
import io.bianque.tests.drops.NumberedDrops;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedSet;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Each part is killed while packets drop at a known rate. Every drop has a number, the kernel
 * counts them too, and each number must become one document, whatever died meanwhile.
 */
@Tag("e2e")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FailuresTest {
  private static final int DROPS_PER_SECOND = 50;
  private static final Duration CATCH_UP = Duration.ofMinutes(4);

  /**
   * No rate limit: a number that is missing must be lost, not limited. No pins: the probe is to end
   * with a killed agent, as it does where the kernel cannot keep it.
   */
  @RegisterExtension
  static final StackUnderTest STACK =
      StackUnderTest.ofThisCheckout(() ->
          Map.of(
              "BIANQUE_AGENT_PROBES__DROPWATCH__MAX_EVENTS_PER_SECOND",
              "0",
              "BIANQUE_AGENT_PIN_FOLDER",
              "none"));

  private static NetnsPair network;
  private static NumberedDrops drops;

  @BeforeAll
  static void beginToDrop() {
    network = NetnsPair.open();
    drops = new NumberedDrops(network, DROPS_PER_SECOND);
    afterMoreDrops(100);
    mustCatchUp("the stack as it starts");
  }

  @AfterAll
  static void tearDown() {
    if (drops != null) {
      drops.close();
    }
    if (network != null) {
      network.close();
    }
  }

  @Order(1)
  @Test
  void theBrokerKilledForAMinuteLosesAndDoublesNothing() {
    try (StackUnderTest.HeldDown down = STACK.killAndHoldDown("broker")) {
      afterMoreDrops(60 * DROPS_PER_SECOND);
      assertThat(down).as("held down all the time").isNotNull();
    }
    mustCatchUp("the broker away for 60 s");
  }

  @Order(2)
  @ParameterizedTest
  @ValueSource(strings = {"search", "registry", "streams", "connect"})
  void aKilledPartLosesAndDoublesNothing(String part) {
    long killed = STACK.part(part).path("pid").asLong();
    STACK.kill(part);
    afterMoreDrops(10 * DROPS_PER_SECOND);
    STACK.awaitRestart(part, killed);
    mustCatchUp(part + " killed");
  }

  @Order(3)
  @Test
  void everyCounterBalances() throws Exception {
    int sent = drops.stop();
    mustCatchUp("the end");
    assertThat(NumberedDrops.countedByKernel(network)).isEqualTo(sent);
    long epoch = Balance.currentEpoch(STACK);
    long ended = STACK.part("agent").path("pid").asLong();
    STACK.terminate("agent");
    Balance balance = Balance.settled(STACK, epoch);
    System.out.println("balance after all failures: " + balance);
    STACK.awaitRestart("agent", ended);
    balance.mustHold();
  }

  @Order(4)
  @Test
  void anAgentKilledLeavesAStatedGap() throws Exception {
    try (NumberedDrops again = new NumberedDrops(network, DROPS_PER_SECOND, drops.nextPort())) {
      await().atMost(CATCH_UP).until(() -> again.sent() > 12 * DROPS_PER_SECOND);
      // What was dropped before the restarted agent had its probe attached is nobody's.
      int first =
          await()
              .atMost(CATCH_UP)
              .until(
                  () ->
                      STACK.search().ports(again.query(0, again.sent())).stream()
                          .mapToInt(again::number)
                          .min(),
                  OptionalInt::isPresent)
              .getAsInt();
      int settled = again.sent();
      await().atMost(CATCH_UP).until(() -> missing(again, settled).tailSet(first).isEmpty());
      STACK.kill("agent");
      int atKill = again.sent();
      await().atMost(CATCH_UP).until(() -> again.sent() > atKill + 30 * DROPS_PER_SECOND);
      GenericRecord row =
          await()
              .atMost(CATCH_UP)
              .until(
                  () ->
                      new Topic(STACK.ports(), "bianque.ledger")
                          .records().stream()
                              .filter(record ->
                                  Balance.isDropwatch(record) && record.get("gap") != null)
                              .reduce(null, (earlier, later) -> later),
                  found -> found != null);
      GenericRecord gap = (GenericRecord) row.get("gap");
      int sent = again.stop();
      await().atMost(CATCH_UP).until(() -> STACK.search().count(again.query(sent - 1, sent)) == 1);
      SortedSet<Integer> missing = missing(again, sent).tailSet(first);
      System.out.printf(
          "agent killed: gap of boot %s, epoch %s to %s, %s to %s (%.1f s); %,d of %,d numbered drops are not in Elasticsearch%n",
          row.get("boot_id"),
          gap.get("previous_epoch"),
          row.get("epoch"),
          gap.get("from"),
          gap.get("to"),
          ((long) gap.get("to") - (long) gap.get("from")) / 1e9,
          missing.size(),
          sent);
      assertThat(missing)
          .allSatisfy(number ->
              assertThat(again.sentAtNanos(number))
                  .isBetween((long) gap.get("from"), (long) gap.get("to")));
      assertThat((long) gap.get("previous_epoch")).isLessThan((long) row.get("epoch"));
      mustHaveNoDuplicates();
    }
  }

  private static SortedSet<Integer> missing(NumberedDrops of, int sent) {
    return of.missing(STACK.search().ports(of.query(0, sent)), sent);
  }

  private static void afterMoreDrops(int count) {
    int enough = drops.sent() + count;
    await()
        .atMost(Duration.ofSeconds(30 + 2L * count / DROPS_PER_SECOND))
        .until(() -> drops.sent() >= enough);
  }

  /** Waits until all that was sent before the call is in Elasticsearch, once. */
  private static void mustCatchUp(String after) {
    long began = System.nanoTime();
    int sent = drops.sent();
    try {
      await()
          .atMost(CATCH_UP)
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> STACK.search().count(drops.query(0, sent)) >= sent);
    } finally {
      System.out.printf(
          "%s: %,d numbered drops in, %,d documents out, caught up after %.1f s%n",
          after,
          sent,
          STACK.search().count(drops.query(0, sent)),
          (System.nanoTime() - began) / 1e9);
    }
    assertThat(drops.missing(STACK.search().ports(drops.query(0, sent)), sent)).isEmpty();
    mustHaveNoDuplicates();
  }

  private static void mustHaveNoDuplicates() {
    STACK.search().refresh();
    assertThat(STACK.search().portsSeenTwice(drops.query(0, NumberedDrops.MOST))).isEmpty();
  }
}
