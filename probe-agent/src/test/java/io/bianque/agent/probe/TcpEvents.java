package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.NetnsPair.Side;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import org.apache.avro.generic.GenericRecord;

/** What the events of TCP's probes have in common, compared with the pair they happened in. */
final class TcpEvents {

  /** Which of a side's addresses to take; the probe has to tell them by itself. */
  enum Family {
    IPV4,
    IPV6;

    String of(Side side) {
      return this == IPV4 ? side.ipv4() : side.ipv6();
    }
  }

  private TcpEvents() {}

  static void assertHeader(GenericRecord event, long begin) {
    assertThat(event.get("host_id")).hasToString("host");
    assertThat(event.get("boot_id")).hasToString("boot");
    assertThat(event.get("epoch")).isEqualTo(4711L);
    assertThat((int) event.get("cpu")).isBetween(0, Runtime.getRuntime().availableProcessors() - 1);
    assertThat((long) event.get("sequence")).isPositive();
    assertThat((long) event.get("ktime_ns")).isBetween(begin, System.nanoTime());
    assertThat((long) event.get("time") - (long) event.get("ktime_ns"))
        .isCloseTo(ClockOffset.measureNanos(), within(10_000_000L));
    assertThat((int) event.get("pid")).isNotNegative();
    assertThat((int) event.get("tid")).isNotNegative();
    assertThat(event.get("comm").toString()).isNotEmpty();
    assertThat((long) event.get("cgroup_id")).isPositive();
  }

  static void assertDevice(GenericRecord event, NetnsPair pair, Side side) {
    assertThat(event.get("netns")).isEqualTo(pair.inode(side));
    assertThat(event.get("device")).hasToString(side.device());
    String index = pair.ip(side, "-o", "link", "show", side.device()).split(":", 2)[0];
    assertThat(event.get("ifindex")).isEqualTo(Integer.parseInt(index));
  }

  static void assertEnds(GenericRecord event, Family family, Side from, int sport, int dport)
      throws Exception {
    Side to = from == Side.LEFT ? Side.RIGHT : Side.LEFT;
    assertThat(address(event, "saddr")).isEqualTo(InetAddress.getByName(family.of(from)));
    assertThat(address(event, "daddr")).isEqualTo(InetAddress.getByName(family.of(to)));
    assertThat(event.get("sport")).isEqualTo(sport);
    assertThat(event.get("dport")).isEqualTo(dport);
  }

  private static InetAddress address(GenericRecord event, String field) throws Exception {
    ByteBuffer bytes = (ByteBuffer) event.get(field);
    byte[] address = new byte[bytes.remaining()];
    bytes.get(bytes.position(), address);
    return InetAddress.getByAddress(address);
  }

  static void assertAbsent(GenericRecord event, String... fields) {
    for (String field : fields) {
      assertThat(event.get(field)).as(field).isNull();
    }
  }
}
