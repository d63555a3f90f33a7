package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.FrozenDisk;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.TaskCgroups;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Tasks that really hang: they write to a file system that is frozen. */
@KernelTest
@ParameterizedClass(name = "{0}")
@ValueSource(strings = {"tp_btf/sched_process_hang", "raw_tp/sched_process_hang"})
class HungtaskTest {
  @TempDir static Path folder;

  private static FrozenDisk disk;
  private static KernelSymbols symbols;
  private static ProbeBench probe;

  @Parameter String hook;

  @BeforeAll
  static void freeze() {
    symbols = new KernelSymbols();
    disk = FrozenDisk.in(folder);
  }

  @AfterAll
  static void thaw() {
    disk.close();
  }

  @BeforeParameterizedClassInvocation
  static void attach(String hook) {
    probe = ProbeBench.of("hungtask", Channel.RINGBUF, 1 << 20, Map.of(), Set.of(hook));
  }

  @AfterParameterizedClassInvocation
  static void detach() {
    probe.close();
  }

  @Test
  void taskThatWaitsForADisk() throws Exception {
    GenericRecord event = probe.await("the writer hangs", of(disk.writer()));

    assertThat(event.get("pid")).isEqualTo(disk.writer());
    assertThat(event.get("comm")).hasToString("dd");
    assertThat((long) event.get("sequence")).isPositive();
    assertThat(event.get("cgroup_id")).isEqualTo(TaskCgroups.unified(disk.writer()));
    assertThat(event.get("memory_cgroup_id"))
        .isEqualTo(TaskCgroups.controlled(disk.writer(), "memory").orElseThrow());
    assertThat((long) event.get("off_cpu_ns")).isBetween(2_000_000_000L, 600_000_000_000L);
    assertThat(event.get("blocker_lock")).isNull();
    assertThat(event.get("blocker_pid")).isNull();
    if (isTyped()) {
      assertThat(stack(event)).startsWith("percpu_rwsem_wait").contains("path_openat");
      assertThat(stack(event)).last().isEqualTo("entry_SYSCALL_64_after_hwframe");
    } else {
      assertThat(stack(event)).isEmpty();
    }
  }

  @Test
  void taskThatWaitsForALockNamesItsHolder() {
    GenericRecord event = probe.await("the other writer hangs", of(disk.waitsForHolder()));

    assertThat(event.get("comm")).hasToString("bash");
    assertThat(event.get("blocker_lock")).hasToString("MUTEX");
    assertThat(event.get("blocker_pid")).isEqualTo(disk.holder());
    assertThat(event.get("blocker_tid")).isEqualTo(disk.holder());
    assertThat(event.get("blocker_comm")).hasToString("bash");
    assertThat(event.get("blocker_cgroup_id")).isEqualTo(event.get("cgroup_id"));
    if (isTyped()) {
      assertThat(stack(event)).startsWith("fdget_pos").contains("ksys_write");
    }
  }

  private static Predicate<GenericRecord> of(int tid) {
    return e -> Objects.equals(e.get("tid"), tid);
  }

  /** Only by tp_btf the program may ask for another task's stack. */
  private boolean isTyped() {
    return hook.startsWith("tp_btf");
  }

  private static List<String> stack(GenericRecord event) {
    return ((List<?>) event.get("kernel_stack"))
        .stream().map(a -> symbols.function((Long) a)).toList();
  }
}
