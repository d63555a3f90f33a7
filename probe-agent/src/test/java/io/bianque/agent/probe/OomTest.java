package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.MemoryCgroup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

/** Real kills in cgroups of this machine. That of the whole host is for a virtual machine. */
@KernelTest
@ParameterizedClass(name = "{0} {1}")
@CsvSource({
  "tp_btf/mark_victim, RINGBUF",
  "raw_tp/mark_victim, RINGBUF",
  "tp_btf/mark_victim, PERF"
})
class OomTest {
  private static final int KILLED = 128 + 9;
  private static final long MIB = 1 << 20;

  /** Looks for the end of a line that never ends, and keeps it all in memory. */
  private static final String[] GLUTTON = {"tail", "/dev/zero"};

  private static KernelSymbols symbols;
  private static ProbeBench probe;

  @Parameter(0)
  String hook;

  @Parameter(1)
  Channel channel;

  @BeforeAll
  static void read() {
    symbols = new KernelSymbols();
  }

  @AfterAll
  static void forget() {
    symbols = null;
  }

  @BeforeParameterizedClassInvocation
  static void attach(String hook, Channel channel) {
    probe =
        ProbeBench.of("oom", channel, 1 << 20, Map.of("max_events_per_second", "0"), Set.of(hook));
  }

  @AfterParameterizedClassInvocation
  static void detach() {
    probe.close();
  }

  @Test
  void taskThatFillsItsOwnCgroup() throws Exception {
    long begin = System.nanoTime();
    try (MemoryCgroup cgroup = MemoryCgroup.create("bianque-oom").limit(64 * MIB)) {
      long id = cgroup.id();
      Process glutton = cgroup.start(GLUTTON);
      assertThat(MemoryCgroup.await(glutton)).isEqualTo(KILLED);

      GenericRecord event = victim(glutton);

      assertThat(event.get("host_id")).hasToString("host");
      assertThat(event.get("boot_id")).hasToString("boot");
      assertThat(event.get("epoch")).isEqualTo(4711L);
      assertThat((int) event.get("cpu"))
          .isBetween(0, Runtime.getRuntime().availableProcessors() - 1);
      assertThat((long) event.get("sequence")).isPositive();
      assertThat((long) event.get("ktime_ns")).isBetween(begin, System.nanoTime());
      assertThat((long) event.get("time") - (long) event.get("ktime_ns"))
          .isCloseTo(ClockOffset.measureNanos(), within(10_000_000L));
      // It asked for memory and was itself the only one to take it from.
      assertThat(event.get("pid")).isEqualTo((int) glutton.pid());
      assertThat(event.get("tid")).isEqualTo((int) glutton.pid());
      assertThat(event.get("comm")).hasToString("tail");
      assertThat((long) event.get("cgroup_id")).isPositive();
      assertThat(event.get("memcg_id")).isEqualTo(id);
      assertThat(event.get("memcg_path")).hasToString("/bianque-oom");
      assertThat(event.get("scope")).hasToString("MEMCG");
      assertThat(event.get("kill_ktime_ns")).isEqualTo(event.get("ktime_ns"));
      assertThat(event.get("victim_tid")).isEqualTo((int) glutton.pid());
      assertThat(event.get("victim_comm")).hasToString("tail");
      assertThat(event.get("victim_uid")).isEqualTo(0L);
      assertThat(event.get("victim_cgroup_id")).isEqualTo(event.get("cgroup_id"));
      assertThat(event.get("victim_oom_score_adj")).isEqualTo(0);
      assertThat((long) event.get("victim_total_vm_bytes")).isGreaterThan(60 * MIB);
      assertThat((long) event.get("victim_anon_bytes"))
          .isCloseTo(64 * MIB, Percentage.withPercentage(5));
      assertThat((long) event.get("victim_file_bytes")).isBetween(0L, 10 * MIB);
      assertThat((long) event.get("victim_shmem_bytes")).isZero();
      assertThat((long) event.get("victim_swap_bytes")).isZero();
      assertThat((long) event.get("victim_pgtables_bytes")).isBetween(4096L, 4 * MIB);
      assertThat(event.get("victim_memcg_id")).isEqualTo(id);
      assertThat(event.get("victim_memcg_path")).hasToString("/bianque-oom");
      assertThat((long) event.get("victim_memcg_usage_bytes")).isBetween(63 * MIB, 65 * MIB);
      assertThat(event.get("victim_memcg_limit_bytes")).isEqualTo(64 * MIB);
      assertThat(event.get("group_memcg_id")).isNull();
      assertLimit(event, id, "/bianque-oom", 64 * MIB);
      assertThat((long) event.get("limit_peak_bytes")).isBetween(63 * MIB, 65 * MIB);
      assertThat((long) event.get("limit_swap_bytes")).isZero();
      assertHostMemory(event);
      assertStack(
          event, "oom_kill_process", "out_of_memory", "mem_cgroup_out_of_memory", "exc_page_fault");
    }
  }

  /** Where functions cannot be traced, what only the function tells is absent, and not zero. */
  @Test
  void whatOnlyTheFunctionKnowsIsAbsent() throws Exception {
    try (MemoryCgroup cgroup = MemoryCgroup.create("bianque-oom-absent").limit(16 * MIB)) {
      Process glutton = cgroup.start(GLUTTON);
      assertThat(MemoryCgroup.await(glutton)).isEqualTo(KILLED);

      GenericRecord event = victim(glutton);

      String hooks = ((ProbeState.Attached) probe.report().state()).hook();
      boolean hooked = hooks.contains("oom_kill_process");
      for (String field :
          List.of(
              "allocation_order", "gfp_mask", "oom_constraint", "oom_total_bytes", "oom_points")) {
        assertThat(event.get(field) != null).as(field).isEqualTo(hooked);
      }
    }
  }

  /** The limit is the parent's, the child that dies has none; it is a neighbour that asked. */
  @Test
  void neighbourBelowALimitThatBothShare() throws Exception {
    try (MemoryCgroup pod = MemoryCgroup.create("bianque-oom-pod").limit(64 * MIB);
        MemoryCgroup big = pod.child("big");
        MemoryCgroup small = pod.child("small")) {
      // Its points: a thousand thousandths of the limit, and what it holds.
      Process sitter = big.start("sh", "-c", "echo 1000 > /proc/$$/oom_score_adj; exec tail");
      sitter.getOutputStream().write(new byte[(int) (16 * MIB)]);
      sitter.getOutputStream().flush();
      Process asking = small.start(GLUTTON);

      GenericRecord event = victim(sitter);

      assertThat(event.get("pid")).isEqualTo((int) asking.pid());
      assertThat(event.get("memcg_id")).isEqualTo(small.id());
      assertThat(event.get("memcg_path")).hasToString("/bianque-oom-pod/small");
      assertThat(event.get("victim_memcg_id")).isEqualTo(big.id());
      assertThat(event.get("victim_memcg_path")).hasToString("/bianque-oom-pod/big");
      assertThat(event.get("victim_memcg_limit_bytes")).isNull();
      assertThat(event.get("victim_oom_score_adj")).isEqualTo(1000);
      assertThat((long) event.get("victim_anon_bytes")).isBetween(15 * MIB, 30 * MIB);
      assertLimit(event, pod.id(), "/bianque-oom-pod", 64 * MIB);
      assertThat(MemoryCgroup.await(sitter)).isEqualTo(KILLED);
      assertThat(MemoryCgroup.await(asking)).isEqualTo(KILLED);
    }
  }

  private static GenericRecord victim(Process process) {
    return probe.await(
        "kill of " + process.pid(),
        e -> Integer.valueOf((int) process.pid()).equals(e.get("victim_pid")));
  }

  private static void assertLimit(GenericRecord event, long id, String path, long bytes) {
    assertThat(event.get("limit_memcg_id")).isEqualTo(id);
    assertThat(event.get("limit_memcg_path")).hasToString(path);
    assertThat(event.get("limit_bytes")).isEqualTo(bytes);
    assertThat((long) event.get("limit_usage_bytes")).isBetween(bytes - MIB, bytes + MIB);
  }

  /** Against what the kernel itself says of its zones, a moment later. */
  private static void assertHostMemory(GenericRecord event) throws Exception {
    assertHost(event, "total", pages("/proc/zoneinfo", "managed"), 0);
    assertHost(event, "free", pages("/proc/vmstat", "nr_free_pages"), 500 * MIB);
    for (String field :
        List.of(
            "active_anon",
            "inactive_anon",
            "active_file",
            "inactive_file",
            "unevictable",
            "slab_reclaimable",
            "slab_unreclaimable",
            "shmem")) {
      assertHost(event, field, pages("/proc/vmstat", "nr_" + field), 100 * MIB);
    }
    assertHost(event, "dirty", pages("/proc/vmstat", "nr_dirty"), 100 * MIB);
    assertHost(event, "writeback", pages("/proc/vmstat", "nr_writeback"), 100 * MIB);
  }

  private static void assertHost(GenericRecord event, String field, long pages, long slack) {
    assertThat((long) event.get("host_" + field + "_bytes"))
        .as(field)
        .isCloseTo(pages * 4096, within(slack));
  }

  /** The sum of all that a file says under that name. */
  private static long pages(String file, String name) throws Exception {
    return Files.readAllLines(Path.of(file)).stream()
        .map(line -> line.strip().split("\\s+"))
        .filter(words -> words.length == 2 && words[0].equals(name))
        .mapToLong(words -> Long.parseLong(words[1]))
        .sum();
  }

  private static void assertStack(GenericRecord event, String... functions) {
    List<String> stack = new ArrayList<>();
    ((List<?>) event.get("kernel_stack")).forEach(a -> stack.add(symbols.function((Long) a)));
    assertThat(stack.getFirst()).isEqualTo("mark_oom_victim");
    assertThat(stack).contains(functions);
  }
}
