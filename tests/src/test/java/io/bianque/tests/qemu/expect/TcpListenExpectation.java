package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The full queue of {@code triggers/tcp_listen.sh}. */
public final class TcpListenExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> rows =
        recording.raw("tcp_listen").stream().filter(row -> row.get("pid").equals(1)).toList();
    assertThat(rows).as(recording.shown("tcp_listen")).isNotEmpty();
    GenericRecord last = rows.getLast();
    assertThat((long) last.get("listen_overflows")).isPositive();
    assertThat((long) last.get("listen_drops"))
        .isGreaterThanOrEqualTo((long) last.get("listen_overflows"));
    assertThat((long) last.get("netns")).isPositive();
  }
}
