package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.Tap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Devices of a namespace of the test's own, made, changed and deleted by ip. */
@KernelTest
class NetdevEventsTest {
  private NetnsPair pair;

  @BeforeEach
  void connect() {
    pair = NetnsPair.open();
  }

  @AfterEach
  void disconnect() {
    pair.close();
  }

  @Test
  void deviceThatComesIsSetUpRenamedAndGoesIsOneEventAChange() throws Exception {
    try (SourceBench source = open(Map.of())) {
      ip("link", "add", "dum0", "type", "bridge");
      GenericRecord appeared = source.await("appeared", change("APPEARED", "dum0"));
      assertThat(appeared.get("netns")).isEqualTo(pair.inode(Side.LEFT));
      assertThat(appeared.get("nsid")).isNull();
      assertThat(appeared.get("kind")).hasToString("bridge");
      assertThat(appeared.get("driver")).hasToString("bridge");
      assertThat(appeared.get("admin")).hasToString("DOWN");
      assertThat(appeared.get("before")).isNull();
      assertThat(appeared.get("after")).hasToString("dum0");

      ip("link", "set", "dum0", "name", "dum1");
      GenericRecord renamed = source.await("renamed", change("RENAMED", "dum1"));
      assertThat(renamed.get("before")).hasToString("dum0");
      assertThat(renamed.get("after")).hasToString("dum1");
      assertThat(renamed.get("ifindex")).isEqualTo(appeared.get("ifindex"));

      ip("link", "set", "dum1", "up");
      GenericRecord up = source.await("set up", change("ADMIN", "dum1"));
      assertThat(up.get("before")).hasToString("DOWN");
      assertThat(up.get("after")).hasToString("UP");
      assertThat(up.get("admin")).hasToString("UP");

      ip("link", "del", "dum1");
      source.await("gone", change("DISAPPEARED", "dum1"));
      assertThat(source.records)
          .as("what was there before has not appeared")
          .noneMatch(change("APPEARED", "lo"))
          .noneMatch(change("APPEARED", Side.LEFT.device()));
      assertThat(source.records.stream().filter(e -> is(e, "change", "ADMIN")))
          .as("up, and down before it goes")
          .hasSize(2);
      assertAccountOf(source);
    }
  }

  @Test
  void messageThatChangesNothingIsNoEvent() throws Exception {
    try (SourceBench source = open(Map.of())) {
      ip("link", "set", Side.LEFT.device(), "mtu", "1400");
      ip("link", "set", Side.LEFT.device(), "alias", "nothing");
      ip("link", "add", "last", "type", "bridge");
      source.await("appeared", change("APPEARED", "last"));

      assertThat(source.records)
          .filteredOn(event -> is(event, "change", "ADMIN") || is(event, "change", "RENAMED"))
          .isEmpty();
      assertThat(source.records).filteredOn(change("APPEARED", "last")).hasSize(1);
    }
  }

  @Test
  void carrierGoesWithTheOtherEnd() throws Exception {
    try (SourceBench source = open(Map.of())) {
      pair.ip(Side.RIGHT, "link", "set", Side.RIGHT.device(), "down");
      GenericRecord down = source.await("carrier", change("CARRIER", Side.LEFT.device()));
      assertThat(down.get("before")).hasToString("UP");
      assertThat(down.get("after")).hasToString("DOWN");
      assertThat(down.get("admin")).as("nobody set it down").hasToString("UP");
      source.await(
          "state",
          change("OPERSTATE", Side.LEFT.device())
              .and(e -> e.get("after").toString().endsWith("DOWN")));

      pair.ip(Side.RIGHT, "link", "set", Side.RIGHT.device(), "up");
      source.await(
          "back",
          change("CARRIER", Side.LEFT.device())
              .and(e -> Objects.toString(e.get("after")).equals("UP")));
    }
  }

  @Test
  void portOfABridgeSaysWhoseItIsAndStaysWhenItLeaves() throws Exception {
    ip("link", "add", "br0", "type", "bridge");
    ip("link", "add", "dum0", "type", "veth", "peer", "name", "dum1");
    try (SourceBench source = open(Map.of())) {
      ip("link", "set", "dum0", "master", "br0");
      GenericRecord joined = source.await("joined", change("MASTER", "dum0"));
      assertThat(joined.get("before")).isNull();
      assertThat(joined.get("after")).hasToString("br0");
      assertThat(joined.get("master")).hasToString("br0");

      ip("link", "set", "dum0", "nomaster");
      GenericRecord left =
          source.await("left", change("MASTER", "dum0").and(e -> e.get("after") == null));
      assertThat(left.get("before")).hasToString("br0");
      ip("link", "add", "last", "type", "bridge");
      source.await("appeared", change("APPEARED", "last"));
      assertThat(source.records).noneMatch(change("DISAPPEARED", "dum0"));
    }
  }

  @Test
  void portsOfABondSayWhichOneItUses() throws Exception {
    for (String number : List.of("0", "2")) {
      String end = "w" + number;
      ip("link", "add", "v" + number, "type", "veth", "peer", "name", end);
      ip("link", "set", end, "up");
    }
    assumeTrue(
        pair.can(Side.LEFT, "link", "add", "bond0", "type", "bond", "mode", "1", "miimon", "10"),
        "this kernel has no bonds; ./bianque test kernels shows them");
    try (SourceBench source = open(Map.of())) {
      ip("link", "set", "v0", "master", "bond0");
      ip("link", "set", "v2", "master", "bond0");
      ip("link", "set", "bond0", "up");
      source.await("active", change("BOND_STATE", "v0").and(e -> is(e, "after", "ACTIVE")));
      source.await("standby", change("BOND_STATE", "v2").and(e -> is(e, "after", "BACKUP")));

      ip("link", "set", "w0", "down");
      source.await("lost", change("BOND_LINK", "v0").and(e -> is(e, "after", "DOWN")));
      source.await("takes over", change("BOND_STATE", "v2").and(e -> is(e, "after", "ACTIVE")));
    }
  }

  @Test
  void speedThatChangesWhileTheLinkIsUpIsSeen() throws Exception {
    try (SourceBench source = open(Map.of());
        Tap tap = Tap.open(pair, Side.LEFT, "tap0")) {
      ip("link", "set", "tap0", "up");
      GenericRecord first = source.await("speed", change("SPEED", "tap0"));
      assertThat(first.get("before")).isNull();
      String before = first.get("after").toString();

      tap.speed(1234);
      GenericRecord faster =
          source.awaitPolling("faster", change("SPEED", "tap0").and(e -> is(e, "after", "1234")));

      assertThat(faster.get("before")).hasToString(before);
      assertThat(faster.get("speed_mbps")).isEqualTo(1234L);
      assertThat(faster.get("driver")).hasToString("tun");
      assertThat(source.records)
          .noneMatch(change("CARRIER", "tap0").and(e -> is(e, "after", "DOWN")));
    }
  }

  @Test
  void devicesOfOtherNamespacesAreSeenWithTheirNamespace() throws Exception {
    try (SourceBench source = open(Map.of())) {
      pair.ip(Side.RIGHT, "link", "add", "far0", "type", "bridge");
      GenericRecord far = source.await("appeared", change("APPEARED", "far0"));
      assertThat(far.get("netns")).isEqualTo(pair.inode(Side.RIGHT));
      assertThat(far.get("nsid")).isNotNull();

      ip("link", "add", "mover", "type", "veth", "peer", "name", "stays");
      source.await("here", change("APPEARED", "mover").and(e -> e.get("nsid") == null));
      ip("link", "set", "mover", "netns", pair.namespace(Side.RIGHT));
      source.await("left", change("DISAPPEARED", "mover").and(e -> e.get("nsid") == null));
      source.await("there", change("APPEARED", "mover").and(e -> e.get("nsid") != null));
    }
  }

  @Test
  void namespaceThatComesIntoSightAndEndsIsSeen() throws Exception {
    try (SourceBench source = open(Map.of())) {
      try (NetnsPair other = NetnsPair.open()) {
        String there = other.namespace(Side.RIGHT);
        ip("link", "add", "near", "type", "veth", "peer", "name", "inside", "netns", there);
        GenericRecord inside = source.await("appeared", change("APPEARED", "inside"));
        assertThat(inside.get("netns")).isEqualTo(other.inode(Side.RIGHT));
      }
      source.await("gone", change("DISAPPEARED", "inside"));
      source.await("its end here too", change("DISAPPEARED", "near"));
    }
  }

  @Test
  void whatTheKernelHadToDropIsCountedAndTheStateIsRightBehindIt() throws Exception {
    try (SourceBench source = open(Map.of("queue_bytes", "4096"))) {
      for (int i = 0; i < 40; i++) {
        ip("link", "add", "dum" + i, "type", "bridge");
      }
      ip("link", "del", "dum7");
      source.await("the last one", change("APPEARED", "dum39"));

      ProbeReport report = source.report();
      assertThat(report.missed()).as("overruns").isPositive();
      assertThat(source.records.stream().filter(e -> is(e, "change", "APPEARED"))).hasSize(39);
      assertAccountOf(source);

      ip("link", "del", "dum3");
      source.await("goes on", change("DISAPPEARED", "dum3"));
    }
  }

  @Test
  void floodOfEventsIsLimited() throws Exception {
    try (SourceBench source = open(Map.of("max_events_per_second", "3"))) {
      for (int i = 0; i < 20; i++) {
        ip("link", "add", "dum" + i, "type", "bridge");
      }
      while (source.drain() > 0) {}

      ProbeReport report = source.report();
      // Of the pair itself one or two may come, whose links the kernel settles behind its making.
      assertThat(report.kernel().attempted()).isBetween(20L, 24L);
      assertThat(report.kernel().submitted()).as("in a second, or in two").isBetween(3L, 6L);
      assertAccountOf(source);
    }
  }

  private static void assertAccountOf(SourceBench source) {
    ProbeReport report = source.report();
    assertThat(report.kernel().balances()).isTrue();
    assertThat(report.read()).isEqualTo(report.kernel().submitted());
    assertThat(source.records).hasSize((int) report.read());
    for (int i = 0; i < source.records.size(); i++) {
      assertThat(source.records.get(i).get("sequence")).isEqualTo(i + 1L);
    }
  }

  private static Predicate<GenericRecord> change(String change, String device) {
    return event -> is(event, "change", change) && is(event, "device", device);
  }

  private static boolean is(GenericRecord event, String field, String value) {
    return Objects.toString(event.get(field)).equals(value);
  }

  private SourceBench open(Map<String, String> tunables) throws Exception {
    return pair.in(Side.LEFT, "bq-source", () -> new SourceBench("netdev_events", tunables));
  }

  private void ip(String... arguments) {
    pair.ip(Side.LEFT, arguments);
  }
}
