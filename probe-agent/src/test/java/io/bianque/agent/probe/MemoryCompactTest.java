package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.Tracefs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compaction on request, of this machine. That which a task waits for is for a virtual machine. */
@KernelTest
class MemoryCompactTest {
  private static KernelSymbols symbols;

  @BeforeAll
  static void read() {
    symbols = new KernelSymbols();
  }

  @ParameterizedTest
  @CsvSource({
    "tp_btf/mm_compaction_begin, tp_btf/mm_compaction_end",
    "raw_tp/mm_compaction_begin, tp/compaction/mm_compaction_end"
  })
  void ofEachZoneIsAnEventAndCounted(String begins, String ends) throws Exception {
    long begin = System.nanoTime();
    try (ProbeBench probe =
        Tracefs.mounted(() ->
            ProbeBench.of(
                "memory_compact",
                Channel.RINGBUF,
                1 << 20,
                Map.of("max_events_per_second", "0", "threshold_ns", "0"),
                Set.of(begins, ends)))) {
      Files.writeString(Path.of("/proc/sys/vm/compact_memory"), "1");
      probe.drain();
      probe.poll();

      int own = (int) ProcessHandle.current().pid();
      List<GenericRecord> events =
          probe.records("memory_compact").stream()
              .filter(event -> event.get("pid").equals(own))
              .toList();
      assertThat(events)
          .isNotEmpty()
          .allSatisfy(event -> {
            assertThat((long) event.get("ktime_ns")).isBetween(begin, System.nanoTime());
            assertThat((int) event.get("tid")).isPositive();
            assertThat(event.get("comm").toString()).isNotEmpty();
            assertThat((long) event.get("cgroup_id")).isPositive();
            assertThat((long) event.get("memcg_id")).isPositive();
            assertThat(event.get("memcg_path").toString()).startsWith("/");
            assertThat(event.get("kind")).hasToString("ZONE_REQUESTED");
            assertThat((long) event.get("duration_ns")).isBetween(1L, System.nanoTime() - begin);
            assertThat(event.get("allocation_order")).isNull();
            assertThat(event.get("gfp_mask")).isNull();
            // COMPACT_CONTINUE to COMPACT_CONTENDED
            assertThat((long) event.get("compact_result")).isBetween(4L, 8L);
            assertThat(stack(event).getFirst()).endsWith("compact_zone");
            assertThat(stack(event)).contains("do_syscall_64");
          });

      GenericRecord counted =
          probe.records("memory_compact_time").stream()
              .filter(r -> r.get("kind").toString().equals("ZONE_REQUESTED"))
              .filter(r -> r.get("memcg_id").equals(events.getFirst().get("memcg_id")))
              .reduce((earlier, later) -> later)
              .orElseThrow();
      assertThat(counted.get("count")).isEqualTo((long) events.size());
      assertThat(counted.get("total_ns"))
          .isEqualTo(events.stream().mapToLong(event -> (long) event.get("duration_ns")).sum());
      assertThat(counted.get("attempts")).isEqualTo(0L);
      assertThat(((List<?>) counted.get("duration_ns")).stream().mapToLong(n -> (long) n).sum())
          .isEqualTo(events.size());
    }
  }

  private static List<String> stack(GenericRecord event) {
    List<String> stack = new ArrayList<>();
    ((List<?>) event.get("kernel_stack")).forEach(a -> stack.add(symbols.function((Long) a)));
    return stack;
  }
}
