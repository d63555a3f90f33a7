package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.Busy;
import io.bianque.agent.testing.KernelSymbols;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.Tracefs;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ticks that really come late: a program keeps interrupts off in the scheduler. */
@KernelTest
class SchedTickTest {
  private static final int OFF_MILLIS = 30;
  private static final long OFF_NANOS = OFF_MILLIS * 1_000_000L;

  @TempDir static Path folder;

  private static Busy busy;
  private static KernelSymbols symbols;
  private ProbeBench probe;

  @BeforeAll
  static void prepare() {
    symbols = new KernelSymbols();
    busy = Busy.in(folder);
  }

  @AfterEach
  void detach() {
    probe.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tp_btf/hrtimer_expire_entry",
        "raw_tp/hrtimer_expire_entry",
        "tp/timer/hrtimer_expire_entry"
      })
  void lateTickTellsWhatItInterrupted(String hook) throws Exception {
    probe = attach(hook, Map.of());
    long begin = System.nanoTime();
    busy.interruptsOff(OFF_MILLIS);

    // A tick is late by less than the interrupts were off, since it was due some time after they
    // went off; and by more when the machine had no time for this one.
    GenericRecord event =
        probe.await(
            "a late tick in the scheduler",
            e ->
                (long) e.get("late_ns") > OFF_NANOS / 2
                    && stack(e).stream().anyMatch(f -> f.startsWith("finish_task_switch")));

    assertThat((long) event.get("ktime_ns")).isBetween(begin, System.nanoTime());
    assertThat((int) event.get("cpu")).isNotNegative();
    assertThat(event.get("comm").toString()).isNotEmpty();
    assertThat((long) event.get("cgroup_id")).isPositive();
    assertThat((long) event.get("memory_cgroup_id")).isPositive();
    if (event.get("tick_interval_ns") != null) {
      assertThat((long) event.get("tick_interval_ns"))
          .isGreaterThan((long) event.get("late_ns"))
          .isGreaterThanOrEqualTo(OFF_NANOS);
    }
    assertThat(event.get("location")).isEqualTo(((List<?>) event.get("kernel_stack")).getFirst());
    assertThat(stack(event).getFirst()).startsWith("finish_task_switch");
    assertThat(stack(event)).contains("__schedule").noneMatch(f -> f.contains("hrtimer"));
  }

  @ParameterizedTest
  @ValueSource(strings = "tp_btf/hrtimer_expire_entry")
  void thresholdIsTunable(String hook) throws Exception {
    probe = attach(hook, Map.of("threshold_ns", Long.toString(1L << 40)));
    busy.interruptsOff(OFF_MILLIS);

    probe.drain();

    assertThat(probe.events).isEmpty();
  }

  private static ProbeBench attach(String hook, Map<String, String> tunables) throws Exception {
    return Tracefs.mounted(
        () -> ProbeBench.of("sched_tick", Channel.RINGBUF, 1 << 20, tunables, Set.of(hook)));
  }

  private static List<String> stack(GenericRecord event) {
    return ((List<?>) event.get("kernel_stack"))
        .stream().map(a -> symbols.function((Long) a)).toList();
  }
}
