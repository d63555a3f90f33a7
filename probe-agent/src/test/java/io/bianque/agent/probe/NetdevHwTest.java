package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import io.bianque.agent.testing.Tap;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Devices that receive what nobody handles. */
@KernelTest
class NetdevHwTest {
  /** Of an Ethernet type for experiments: the stack drops it, and the device counts it. */
  private static final byte[] UNHANDLED = new byte[64];

  static {
    java.util.Arrays.fill(UNHANDLED, 0, 6, (byte) 0xff);
    UNHANDLED[12] = (byte) 0x88;
    UNHANDLED[13] = (byte) 0xb5;
  }

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
  void everyDroppedPacketIsInTheTotalsOfItsDevice() throws Exception {
    try (Tap tap = tap(Side.LEFT)) {
      receive(tap, 3);
      try (SourceBench source = open()) {
        source.poll();
        assertThat(source.records).as("of before the epoch").noneMatch(NetdevHwTest::isTap);

        receive(tap, 5);
        GenericRecord first = source.awaitPolling("dropped", NetdevHwTest::isTap);
        assertThat(first.get("rx_dropped")).isEqualTo(5L);
        assertThat(first.get("rx_packets")).isEqualTo(5L);
        assertThat(first.get("rx_bytes")).isEqualTo(5L * UNHANDLED.length);
        assertThat(first.get("rx_errors")).isEqualTo(0L);
        assertThat(first.get("driver")).hasToString("tun");
        assertThat(first.get("netns")).isEqualTo(pair.inode(Side.LEFT));
        assertThat(first.get("nsid")).isNull();

        receive(tap, 2);
        source.poll();
        source.poll();

        List<GenericRecord> all = source.records.stream().filter(NetdevHwTest::isTap).toList();
        assertThat(all).as("one when it moved, none when it did not").hasSize(2);
        assertThat(all.getLast().get("rx_dropped")).isEqualTo(7L);
        ProbeReport report = source.report();
        assertThat(report.kernel().balances()).isTrue();
        assertThat(report.read()).isEqualTo(source.records.size());
      }
    }
  }

  @Test
  void deviceThatComesLaterIsCountedFromItsBeginningInOtherNamespacesToo() throws Exception {
    try (SourceBench source = open()) {
      try (Tap tap = tap(Side.RIGHT)) {
        receive(tap, 4);
        GenericRecord there = source.awaitPolling("dropped", NetdevHwTest::isTap);

        assertThat(there.get("rx_dropped")).isEqualTo(4L);
        assertThat(there.get("netns")).isEqualTo(pair.inode(Side.RIGHT));
        assertThat(there.get("nsid")).isNotNull();
        assertThat(there.get("driver")).isNull();
      }
    }
  }

  private Tap tap(Side side) throws Exception {
    Tap tap = Tap.open(pair, side, "tap0");
    pair.sysctl(side, "net.ipv6.conf.tap0.disable_ipv6", "1");
    pair.ip(side, "link", "set", "tap0", "up");
    return tap;
  }

  private static void receive(Tap tap, int frames) {
    for (int i = 0; i < frames; i++) {
      tap.receive(UNHANDLED);
    }
  }

  private static boolean isTap(GenericRecord record) {
    return record.get("device").toString().equals("tap0");
  }

  private SourceBench open() throws Exception {
    return pair.in(Side.LEFT, "bq-source", () -> new SourceBench("netdev_hw", Map.of()));
  }
}
