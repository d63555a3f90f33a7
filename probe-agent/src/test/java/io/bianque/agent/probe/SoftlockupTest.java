package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelLog;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The watchdog's words, as they come by the log's tracepoint. A real lockup would stall a machine
 * in use and taint its kernel: it is for the QEMU tests, as are the hooks on functions.
 */
@KernelTest
class SoftlockupTest {
  private static KernelSymbols symbols;

  @BeforeAll
  static void prepare() {
    symbols = new KernelSymbols();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tp_btf/console", "raw_tp/console"})
  void onlyTheWatchdogsLineIsOne(String hook) {
    try (ProbeBench probe =
        ProbeBench.of("softlockup", Channel.RINGBUF, 1 << 20, Map.of(), Set.of(hook))) {
      KernelLog.write(0, "bianque test: soft lockup");
      KernelLog.write(0, "bianque test: soft lockup - CPU#");
      KernelLog.write(0, "bianque test: soft lockup - CPU of 1 stuck for 22s!");
      KernelLog.write(0, "x".repeat(200) + "soft lockup - CPU#1 stuck for 22s!");
      KernelLog.write(0, "bianque test: soft lockup - CPU#0 stuck for 22s! [none:1]");
      KernelLog.write(0, "bianque test: soft lockup - CPU#131 stuck for 4711s! [none:1]");

      GenericRecord own = probe.await("CPU 0's own line", on(0));
      GenericRecord other = probe.await("another CPU's line", on(131));

      assertThat(probe.events).containsExactly(own, other);
      assertThat(own.get("cpu")).isEqualTo(0);
      assertThat(own.get("stuck_s")).isEqualTo(22L);
      assertThat(own.get("comm")).hasToString("cat");
      assertThat((int) own.get("pid")).isPositive();
      assertThat(own.get("tid")).isEqualTo(own.get("pid"));
      assertThat((long) own.get("cgroup_id")).isPositive();
      assertThat((long) own.get("memory_cgroup_id")).isPositive();
      // Written by a system call, so there is no interrupt whose frames could be left out.
      assertThat(own.get("location")).isNull();
      assertThat(stack(own)).contains("vprintk_emit", "vfs_write", "ksys_write");
      assertThat(other.get("cpu")).isEqualTo(0);
      assertThat(other.get("stuck_s")).isEqualTo(4711L);
      for (String field :
          List.of("pid", "tid", "comm", "cgroup_id", "memory_cgroup_id", "location")) {
        assertThat(other.get(field)).as(field).isNull();
      }
      assertThat(stack(other)).isEmpty();
    }
  }

  private static Predicate<GenericRecord> on(int cpu) {
    return e -> Objects.equals(e.get("stuck_cpu"), cpu);
  }

  private static List<String> stack(GenericRecord event) {
    return ((List<?>) event.get("kernel_stack"))
        .stream().map(a -> symbols.function((Long) a)).toList();
  }
}
