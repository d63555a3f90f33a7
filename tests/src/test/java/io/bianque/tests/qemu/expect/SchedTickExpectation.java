package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;

/** CPU 1, on which {@code triggers/sched_tick.sh} has interrupts off for 60 ms in the scheduler. */
public final class SchedTickExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    // The emulator takes CPUs away for as long, so there are others.
    assertThat(recording.raw("sched_tick"))
        .anySatisfy(event -> {
          assertThat(event.get("cpu")).isEqualTo(1);
          assertThat((long) event.get("late_ns")).isGreaterThan(40_000_000L);
          assertThat(event.get("comm").toString()).isNotEmpty();
          assertThat(event.get("location")).isNotNull();
          assertThat(recording.functions(event, "kernel_stack"))
              .anyMatch(f -> f.startsWith("finish_task_switch") || f.equals("__schedule"));
        });
  }
}
