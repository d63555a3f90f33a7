package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** The writers of {@code triggers/hungtask.sh} to a frozen file system. */
public final class HungtaskExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> events = recording.raw("hungtask");
    GenericRecord writer =
        events.stream()
            .filter(e -> e.get("comm").toString().equals("dd"))
            .findFirst()
            .orElseThrow();
    assertThat((int) writer.get("tid")).isPositive().isEqualTo(writer.get("pid"));
    assertThat((long) writer.get("off_cpu_ns")).isBetween(1_900_000_000L, 60_000_000_000L);
    assertThat((long) writer.get("cgroup_id")).isPositive();
    assertThat((long) writer.get("memory_cgroup_id")).isPositive();
    assertThat(recording.functions(writer, "kernel_stack"))
        .containsAnyOf("mnt_want_write", "path_openat", "percpu_rwsem_wait");
    // These kernels do not say what a task waits for; 6.16 is the first that does.
    assertThat(events).allMatch(e -> e.get("blocker_lock") == null && e.get("blocker_pid") == null);
    assertThat(events)
        .as("the task that waits for another one's lock")
        .anyMatch(e -> recording.functions(e, "kernel_stack").getFirst().endsWith("fdget_pos"));
  }
}
