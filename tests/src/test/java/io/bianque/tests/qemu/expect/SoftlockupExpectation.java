package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import org.apache.avro.generic.GenericRecord;

/** CPU 1, which {@code triggers/softlockup.sh} keeps in kernel code. */
public final class SoftlockupExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    assertThat(recording.raw("softlockup")).isNotEmpty();
    GenericRecord event = recording.raw("softlockup").getFirst();
    assertThat(event.get("stuck_cpu")).isEqualTo(1);
    assertThat(event.get("cpu")).isEqualTo(1);
    assertThat(event.get("comm")).hasToString("busy");
    assertThat((int) event.get("pid")).isPositive();
    // Before 5.13 the watchdog has set its time stamp anew when the probe looks.
    if (kernel == DebianKernel.BULLSEYE) {
      assertThat(event.get("stuck_s")).isNull();
    } else {
      assertThat((long) event.get("stuck_s")).isBetween(2L, 10L);
    }
    assertThat(event.get("location")).isNotNull();
    // It begins in what is stuck, without the watchdog's own frames.
    assertThat(recording.functions(event, "kernel_stack"))
        .containsAnyOf("do_syscall_64", "syscall_trace_enter", "syscall_trace_enter.constprop.0")
        .doesNotContain("watchdog_timer_fn", "asm_sysvec_apic_timer_interrupt");
  }
}
