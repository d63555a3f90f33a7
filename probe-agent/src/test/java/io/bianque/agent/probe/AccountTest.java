package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.Flood;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.Traffic;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What becomes of every event is counted, whatever becomes of it. */
@KernelTest
class AccountTest {
  private static final int PAGE = 4096;
  private static final int PORT = 7101;
  private static final String HOOK = "tp_btf/kfree_skb";

  private static NetnsPair pair;
  private static Traffic traffic;

  @BeforeAll
  static void connect() {
    pair = NetnsPair.open();
    traffic = new Traffic(pair);
  }

  @AfterAll
  static void disconnect() {
    pair.close();
  }

  @Test
  void sequenceHasNoHolesWhenNothingIsLost() throws Exception {
    try (ProbeBench probe = open(Channel.RINGBUF, 1 << 20, 0)) {
      drop(probe, 300);
      probe.await("the last one", e -> Objects.equals(e.get("dport"), PORT + 1));
      ProbeReport report = probe.stop();

      assertThat(report.kernel().submitted()).isEqualTo(report.kernel().attempted());
      assertThat(report.read()).isEqualTo(report.kernel().submitted());
      assertThat(report.encodeFailed()).isZero();
      assertThat(probe.events).hasSize((int) report.read());
      sequences(probe)
          .forEach((cpu, sequences) -> {
            assertThat(sequences).as("CPU %s", cpu).doesNotHaveDuplicates();
            assertThat(sequences.getFirst()).isEqualTo(1);
            assertThat(sequences.getLast()).isEqualTo(sequences.size());
          });
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"RINGBUF", "PERF"})
  void fullChannelIsCountedAndLeavesHoles(Channel channel) throws Exception {
    try (ProbeBench probe = open(channel, PAGE, 0)) {
      for (int i = 0; i < 100; i++) {
        traffic.udp(Side.RIGHT.ipv4(), PORT, 0);
      }
      ProbeReport full = probe.report();
      assertThat(full.kernel().ringFull()).isPositive();
      assertThat(full.kernel().balances()).isTrue();
      ProbeReport report = probe.stop();

      assertThat(report.read()).isEqualTo(report.kernel().submitted());
      assertThat(report.kernel().rateLimited()).isZero();
      // The kernel writes a LOST record only when there is room again: it may still owe us some.
      assertThat(probe.lost).isLessThanOrEqualTo(report.kernel().ringFull());
    }
  }

  @Test
  void emptiedPerfChannelSaysItselfWhatItLost() throws Exception {
    try (ProbeBench probe = open(Channel.PERF, PAGE, 0)) {
      for (int i = 0; i < 100; i++) {
        traffic.udp(Side.RIGHT.ipv4(), PORT, 0);
      }
      probe.drain();
      drop(probe, 50);
      probe.stop();

      assertThat(probe.lost).isPositive();
    }
  }

  @Test
  void floodOfOneReasonIsLimitedAndHidesNoOther() throws Exception {
    int limit = 40;
    int rare = 20;
    try (ProbeBench probe = open(Channel.RINGBUF, 1 << 20, limit)) {
      long begin = System.nanoTime();
      Flood flood = new Flood(pair, 2);
      try (flood) {
        for (int i = 0; i < rare; i++) {
          traffic.udp(Side.RIGHT.ipv4(), PORT, 0);
          probe.drainFor(Duration.ofMillis(200));
          // While events come from all CPUs, each snapshot balances.
          assertThat(probe.report().kernel().balances()).isTrue();
        }
      }
      long dropped = flood.dropped();
      double seconds = (System.nanoTime() - begin) / 1e9;
      ProbeReport report = probe.stop();
      System.out.printf(
          "flood: %.0f drops/s, %s, missed %d%n",
          dropped / seconds, report.kernel(), report.missed());

      assertThat(report.kernel().balances()).isTrue();
      assertThat(report.kernel().attempted() + report.missed()).isGreaterThanOrEqualTo(dropped);
      assertThat(report.kernel().ringFull()).isZero();
      assertThat(report.read()).isEqualTo(report.kernel().submitted());
      assertThat(perCpuAndSecond(probe).values()).allMatch(count -> count <= limit);
      assertThat(probe.events.stream().filter(e -> Objects.equals(e.get("dport"), PORT)))
          .as("the rare ones")
          .hasSize(rare);
    }
  }

  private static ProbeBench open(Channel channel, int bytes, int limit) {
    return ProbeBench.dropwatch(
        HOOK, channel, bytes, Map.of("max_events_per_second", Integer.toString(limit)));
  }

  private static void drop(ProbeBench probe, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      traffic.udp(Side.RIGHT.ipv4(), PORT, 0);
      probe.drain();
    }
    traffic.udp(Side.RIGHT.ipv4(), PORT + 1, 0);
  }

  private static Map<Integer, List<Long>> sequences(ProbeBench probe) {
    return probe.events.stream()
        .collect(
            Collectors.groupingBy(
                e -> (int) e.get("cpu"),
                TreeMap::new,
                Collectors.mapping(e -> (long) e.get("sequence"), Collectors.toList())));
  }

  private static Map<String, Long> perCpuAndSecond(ProbeBench probe) {
    return probe.events.stream()
        .collect(Collectors.groupingBy(AccountTest::cpuAndSecond, Collectors.counting()));
  }

  private static String cpuAndSecond(GenericRecord event) {
    return event.get("cpu") + "/" + TimeUnit.NANOSECONDS.toSeconds((long) event.get("ktime_ns"));
  }
}
