package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.avro.generic.GenericRecord;

/** The kills of {@code triggers/oom.sh}: in a cgroup, of a group, and on the whole host. */
public final class OomExpectation implements Expectation {
  private static final long MIB = 1 << 20;

  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> events = recording.raw("oom");
    cgroup(recording, events);
    group(events, kernel);
    host(recording, events);
  }

  private static void cgroup(Recording recording, List<GenericRecord> events) {
    GenericRecord event =
        events.stream()
            .filter(e -> "/oom/a".equals(String.valueOf(e.get("victim_memcg_path"))))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no victim in /oom/a: " + events));
    assertThat(event.get("victim_comm")).hasToString("tail");
    assertThat(event.get("victim_pid")).isEqualTo(event.get("pid"));
    assertThat(event.get("memcg_path")).hasToString("/oom/a");
    assertThat(event.get("scope")).hasToString("MEMCG");
    assertThat((long) event.get("victim_anon_bytes")).isBetween(30 * MIB, 42 * MIB);
    assertThat(event.get("victim_memcg_limit_bytes")).isNull();
    assertThat(event.get("group_memcg_id")).isNull();
    assertThat(event.get("limit_memcg_path")).hasToString("/oom");
    assertThat(event.get("limit_bytes")).isEqualTo(40 * MIB);
    assertThat((long) event.get("limit_usage_bytes")).isBetween(38 * MIB, 42 * MIB);
    assertThat((long) event.get("host_total_bytes")).isGreaterThan(200 * MIB);
    // Debian's kernels let functions be traced.
    assertThat(event.get("oom_constraint")).hasToString("MEMCG");
    assertThat(event.get("allocation_order")).isEqualTo(0);
    assertThat(event.get("oom_total_bytes")).isEqualTo(40 * MIB);
    assertThat((long) event.get("oom_points") * 4096).isBetween(30 * MIB, 44 * MIB);
    List<String> stack = recording.functions(event, "kernel_stack");
    assertThat(stack.getFirst()).isEqualTo("mark_oom_victim");
    assertThat(stack).contains("oom_kill_process", "out_of_memory", "mem_cgroup_out_of_memory");
  }

  /** memory.oom.group is of the unified hierarchy, where bullseye does not have the controller. */
  private static void group(List<GenericRecord> events, DebianKernel kernel) {
    Map<Object, List<GenericRecord>> kills =
        events.stream()
            .filter(event -> event.get("group_memcg_id") != null)
            .collect(Collectors.groupingBy(event -> event.get("kill_ktime_ns")));
    if (kernel == DebianKernel.BULLSEYE) {
      return;
    }
    assertThat(kills).hasSize(1);
    List<GenericRecord> victims = kills.values().iterator().next();
    assertThat(victims).hasSizeGreaterThanOrEqualTo(3);
    assertThat(victims)
        .extracting(event -> event.get("victim_comm").toString())
        .contains("tail", "sleep");
    assertThat(victims).filteredOn(event -> event.get("oom_points") != null).hasSize(1);
  }

  private static void host(Recording recording, List<GenericRecord> events) {
    GenericRecord event =
        events.stream()
            .filter(e -> e.get("scope").toString().equals("GLOBAL"))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no kill on the host: " + events));
    assertThat(event.get("victim_comm")).hasToString("tail");
    // The guest's files and the agent are in memory too.
    assertThat((long) event.get("victim_anon_bytes")).isGreaterThan(50 * MIB);
    assertThat(event.get("limit_memcg_id")).isNull();
    assertThat(event.get("oom_constraint")).hasToString("NONE");
    assertThat((long) event.get("host_free_bytes"))
        .isLessThan((long) event.get("host_total_bytes") / 4);
    assertThat(recording.functions(event, "kernel_stack"))
        .contains("out_of_memory")
        .doesNotContain("mem_cgroup_out_of_memory");
  }
}
