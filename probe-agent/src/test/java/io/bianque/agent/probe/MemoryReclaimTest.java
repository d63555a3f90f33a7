package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.MemoryCgroup;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Cgroups at their limit, on this machine. The whole host's reclaim is for a virtual machine. */
@KernelTest
class MemoryReclaimTest {
  private static final long MIB = 1 << 20;
  private static final int PAGE = 4096;

  @TempDir static Path folder;

  private static KernelSymbols symbols;
  private static Path file;

  @BeforeAll
  static void prepare() throws Exception {
    symbols = new KernelSymbols();
    file = folder.resolve("file");
    dd("if=/dev/zero", "of=" + file, "bs=1M", "count=96", "conv=fsync", "status=none");
    forget();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tp_btf/", "raw_tp/"})
  void eachIsAnEventAndCounted(String variant) throws Exception {
    long begin = System.nanoTime();
    try (ProbeBench probe =
            probe(variant, Map.of("max_events_per_second", "0", "threshold_ns", "0"));
        MemoryCgroup cgroup = MemoryCgroup.create("bianque-reclaim").limit(32 * MIB)) {
      long id = cgroup.id();
      Process reader = read(cgroup);
      probe.drain();
      probe.poll();

      List<GenericRecord> events =
          probe.records("memory_reclaim").stream()
              .filter(e -> Long.valueOf(id).equals(e.get("memcg_id")))
              .toList();
      assertThat(events)
          .isNotEmpty()
          .allSatisfy(event -> {
            assertThat((long) event.get("ktime_ns")).isBetween(begin, System.nanoTime());
            assertThat(event.get("pid")).isEqualTo((int) reader.pid());
            assertThat(event.get("tid")).isEqualTo((int) reader.pid());
            assertThat(event.get("comm")).hasToString("dd");
            assertThat((long) event.get("cgroup_id")).isPositive();
            assertThat(event.get("memcg_path")).hasToString("/bianque-reclaim");
            assertThat(event.get("kind")).hasToString("MEMCG");
            assertThat((long) event.get("duration_ns")).isBetween(1L, System.nanoTime() - begin);
            assertThat((long) event.get("reclaimed_pages")).isNotNegative();
            assertThat((int) event.get("allocation_order")).isBetween(0, 10);
            assertThat((long) event.get("gfp_mask")).isPositive();
            assertThat((long) event.get("memcg_usage_bytes")).isBetween(24 * MIB, 33 * MIB);
            assertThat(event.get("memcg_limit_bytes")).isEqualTo(32 * MIB);
            assertThat(stack(event))
                .startsWith("try_to_free_mem_cgroup_pages")
                .contains("do_syscall_64");
          });
      // It read thrice what it may keep.
      assertThat(sum(events, "reclaimed_pages") * PAGE).isGreaterThan(32 * MIB);

      GenericRecord counted = counted(probe, id);
      assertThat(counted.get("count")).isEqualTo((long) events.size());
      assertThat(counted.get("total_ns")).isEqualTo(sum(events, "duration_ns"));
      assertThat(counted.get("reclaimed_pages")).isEqualTo(sum(events, "reclaimed_pages"));
      assertThat(slots(counted)).isEqualTo(slots(events));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tp_btf/", "raw_tp/"})
  void shortOnesAreOnlyCounted(String variant) throws Exception {
    try (ProbeBench probe = probe(variant, Map.of());
        MemoryCgroup cgroup = MemoryCgroup.create("bianque-reclaim-short").limit(32 * MIB)) {
      long id = cgroup.id();
      read(cgroup);
      probe.drain();
      probe.poll();

      assertThat((long) counted(probe, id).get("count")).isPositive();
      assertThat(probe.records("memory_reclaim"))
          .allSatisfy(event ->
              assertThat((long) event.get("duration_ns")).isGreaterThanOrEqualTo(900_000_000L));
    }
  }

  private static ProbeBench probe(String variant, Map<String, String> tunables) {
    return ProbeBench.of(
        "memory_reclaim",
        Channel.RINGBUF,
        1 << 22,
        tunables,
        Set.of(
            variant + "mm_vmscan_direct_reclaim_begin",
            variant + "mm_vmscan_direct_reclaim_end",
            "?" + variant + "mm_vmscan_memcg_reclaim_begin",
            "?" + variant + "mm_vmscan_memcg_reclaim_end"));
  }

  /** Reads more than the cgroup may keep in its page cache; all of that can be given back. */
  private static Process read(MemoryCgroup cgroup) throws InterruptedException {
    Process reader = cgroup.start("dd", "if=" + file, "of=/dev/null", "bs=64k", "status=none");
    assertThat(MemoryCgroup.await(reader)).isZero();
    // It can be read again from the disk only.
    forget();
    return reader;
  }

  /** The pages of the file go out of the page cache. */
  private static void forget() throws InterruptedException {
    dd("if=" + file, "iflag=nocache", "count=0", "status=none");
  }

  private static void dd(String... arguments) throws InterruptedException {
    List<String> command = new ArrayList<>(List.of("dd"));
    command.addAll(List.of(arguments));
    try {
      assertThat(MemoryCgroup.await(new ProcessBuilder(command).inheritIO().start())).isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static GenericRecord counted(ProbeBench probe, long id) {
    return probe.records("memory_reclaim_time").stream()
        .filter(r -> r.get("memcg_id").equals(id) && r.get("kind").toString().equals("MEMCG"))
        .reduce((earlier, later) -> later)
        .orElseThrow();
  }

  private static long sum(List<GenericRecord> events, String field) {
    return events.stream().mapToLong(event -> (long) event.get(field)).sum();
  }

  private static List<Long> slots(GenericRecord counted) {
    List<Long> slots = new ArrayList<>();
    ((List<?>) counted.get("duration_ns")).forEach(slot -> slots.add((Long) slot));
    return slots;
  }

  private static List<Long> slots(List<GenericRecord> events) {
    List<Long> slots = new ArrayList<>();
    for (GenericRecord event : events) {
      int slot = 63 - Long.numberOfLeadingZeros((long) event.get("duration_ns"));
      while (slots.size() <= slot) {
        slots.add(0L);
      }
      slots.set(slot, slots.get(slot) + 1);
    }
    return slots;
  }

  private static List<String> stack(GenericRecord event) {
    List<String> stack = new ArrayList<>();
    ((List<?>) event.get("kernel_stack")).forEach(a -> stack.add(symbols.function((Long) a)));
    return stack;
  }
}
