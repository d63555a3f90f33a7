package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.Cgroup;
import io.bianque.agent.testing.KernelTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.assertj.core.data.Percentage;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** More loops than one CPU can run, counted beside the kernel's own account of each process. */
@KernelTest
@ParameterizedClass(name = "{0}")
@ValueSource(strings = {"tp_btf/", "raw_tp/"})
class RunqlatTest {
  private static final int LOOPS = 4;
  private static final long THRESHOLD_NS = 4_000_000;
  private static final int CPU = Runtime.getRuntime().availableProcessors() - 1;
  private static final int BASE_PRIORITY = 120;
  private static final int NICE = 10;

  private final List<Process> processes = new ArrayList<>();
  private Cgroup cgroup;
  private ProbeBench probe;

  @Parameter String variant;

  @BeforeEach
  void attach() {
    cgroup = new Cgroup("runqlat", "cpu");
    probe =
        ProbeBench.of(
            "runqlat",
            Channel.RINGBUF,
            1 << 20,
            Map.of("threshold_ns", "" + THRESHOLD_NS, "max_events_per_second", "0"),
            Set.of(
                variant + "sched_switch", variant + "sched_wakeup", variant + "sched_wakeup_new"));
  }

  @AfterEach
  void end() {
    processes.forEach(Process::destroyForcibly);
    probe.close();
    cgroup.close();
  }

  @Test
  void countsWhatTheKernelCounts() {
    List<Process> loops = loops();
    loops.forEach(loop -> await(loop, "T"));
    Account before = accountWhenPolled(loops);
    Counted countedBefore = counted();

    loops.forEach(loop -> signal("CONT", loop));
    probe.drainFor(Duration.ofSeconds(1));
    loops.forEach(loop -> signal("STOP", loop));
    loops.forEach(loop -> await(loop, "T"));
    Account account = accountWhenPolled(loops).minus(before);
    Counted counted = counted().minus(countedBefore);

    assertThat(account.involuntary()).isGreaterThan(20);
    isNear(counted.involuntary(), account.involuntary());
    isNear(counted.voluntary(), account.voluntary());
    assertThat(counted.voluntary()).isPositive();
    isNear(counted.count(), account.runs());
    assertThat(counted.totalNs()).isCloseTo(account.waitedNs(), Percentage.withPercentage(5));
    probe.records("runqlat_latency").forEach(RunqlatTest::isConsistent);
    assertThat(((ProbeState.Attached) probe.report().state()).hook())
        .contains(variant + "sched_switch", variant + "sched_wakeup", variant + "sched_wakeup_new");
  }

  @Test
  void preemptedTaskThatWaitsLong() {
    List<Process> loops = loops();
    loops.forEach(loop -> await(loop, "T"));
    // Each is in the cgroup now: what they waited before is not of interest.
    long begin = System.nanoTime();
    loops.forEach(loop -> signal("CONT", loop));
    List<Integer> pids = loops.stream().map(loop -> (int) loop.pid()).toList();

    GenericRecord event =
        probe.await(
            "a loop that waited for another one",
            e ->
                pids.contains(e.get("pid"))
                    && is(e, "wait_cause", "PREEMPTED")
                    && pids.contains(e.get("prev_pid"))
                    && (long) e.get("ktime_ns") - (long) e.get("latency_ns") >= begin);

    assertThat(event.get("cpu")).isEqualTo(CPU);
    assertThat((long) event.get("sequence")).isPositive();
    assertThat((long) event.get("latency_ns"))
        .isBetween(THRESHOLD_NS, (long) event.get("ktime_ns") - begin);
    assertThat((long) event.get("ktime_ns")).isBetween(begin, System.nanoTime());
    assertThat(event.get("tid")).isEqualTo(event.get("pid"));
    assertThat(event.get("comm")).hasToString("bash");
    assertThat(event.get("cgroup_id")).isEqualTo(cgroup.id());
    assertThat((Long) event.get("cpu_cgroup_id")).isPositive();
    cgroup.idOfController().ifPresent(id -> assertThat(event.get("cpu_cgroup_id")).isEqualTo(id));
    assertThat(event.get("prio")).isEqualTo(BASE_PRIORITY);
    assertThat(event.get("prev_pid")).isNotEqualTo(event.get("pid"));
    assertThat(event.get("prev_tid")).isEqualTo(event.get("prev_pid"));
    assertThat(event.get("prev_comm")).hasToString("bash");
    assertThat(event.get("prev_cgroup_id")).isEqualTo(cgroup.id());
    assertThat(event.get("prev_prio")).isEqualTo(BASE_PRIORITY);
  }

  @Test
  void wokenAndNewTasksThatWaitLong() {
    List<Process> loops = loops();
    loops.forEach(loop -> await(loop, "T"));
    loops.forEach(loop -> signal("CONT", loop));
    Process sleeper =
        start(
            "renice -n %d $$; end=$((SECONDS + 60)); while ((SECONDS < end)); do sleep 0.01; done"
                .formatted(NICE));

    GenericRecord started = probe.await("a new task", nice("STARTED"));
    GenericRecord woken = probe.await("a task that slept", nice("WOKEN"));

    assertThat(started.get("pid")).isNotEqualTo((int) sleeper.pid());
    assertThat(started.get("comm")).hasToString("bash");
    for (GenericRecord event : List.of(started, woken)) {
      assertThat(event.get("cpu")).isEqualTo(CPU);
      assertThat((long) event.get("latency_ns")).isGreaterThanOrEqualTo(THRESHOLD_NS);
    }
  }

  /** Stopped, until it is told to go on; by itself it ends after a minute. */
  private List<Process> loops() {
    List<Process> loops = new ArrayList<>();
    for (int i = 0; i < LOOPS; i++) {
      loops.add(start("kill -STOP $$; end=$((SECONDS + 60)); while ((SECONDS < end)); do :; done"));
    }
    return loops;
  }

  private Process start(String script) {
    try {
      Process process =
          new ProcessBuilder("taskset", "-c", "" + CPU, "bash", "-c", cgroup.enter() + script)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      processes.add(process);
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void signal(String signal, Process process) {
    try {
      new ProcessBuilder("kill", "-" + signal, "" + process.pid()).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void await(Process process, String state) {
    Awaitility.await("state " + state)
        .pollInterval(Duration.ofMillis(5))
        .until(() -> status(process, "State").startsWith(state));
  }

  private Predicate<GenericRecord> nice(String cause) {
    return e ->
        Objects.equals(e.get("cgroup_id"), cgroup.id())
            && Objects.equals(e.get("prio"), BASE_PRIORITY + NICE)
            && is(e, "wait_cause", cause);
  }

  private static boolean is(GenericRecord event, String field, String symbol) {
    return event.get(field).toString().equals(symbol);
  }

  /**
   * This kernel runs no program of sched_switch, whatever it does, at one switch of 1,000 or so.
   */
  private static void isNear(long counted, long account) {
    assertThat(counted).isCloseTo(account, within(2 + account / 50));
  }

  private static void isConsistent(GenericRecord record) {
    assertThat((int) record.get("cpu")).isEqualTo(-1);
    assertThat((Long) record.get("cgroup_id")).isPositive();
    List<?> slots = (List<?>) record.get("latency_ns");
    long count = slots.stream().mapToLong(slot -> (long) slot).sum();
    // Read while it is counted: the count comes first.
    assertThat((long) record.get("count"))
        .isCloseTo(count, within(1L * Runtime.getRuntime().availableProcessors()));
  }

  private static String status(Process process, String field) {
    try {
      return Files.readAllLines(Path.of("/proc/" + process.pid() + "/status")).stream()
          .filter(line -> line.startsWith(field + ":"))
          .map(line -> line.substring(field.length() + 1).strip())
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of the moment when the map was read: one that is to stop may still be preempted before. */
  private Account accountWhenPolled(List<Process> processes) {
    Account before;
    Account after = account(processes);
    do {
      before = after;
      probe.poll();
      after = account(processes);
    } while (!after.equals(before));
    return after;
  }

  private static Account account(List<Process> processes) {
    Account sum = new Account(0, 0, 0, 0);
    for (Process process : processes) {
      try {
        List<String> statistics =
            List.of(
                Files.readString(Path.of("/proc/" + process.pid() + "/schedstat"))
                    .strip()
                    .split(" ", -1));
        sum =
            sum.plus(
                new Account(
                    Long.parseLong(status(process, "voluntary_ctxt_switches")),
                    Long.parseLong(status(process, "nonvoluntary_ctxt_switches")),
                    Long.parseLong(statistics.get(1)),
                    Long.parseLong(statistics.get(2))));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return sum;
  }

  private Counted counted() {
    return probe.records("runqlat_latency").stream()
        .filter(record -> Objects.equals(record.get("cgroup_id"), cgroup.id()))
        .filter(
            record -> cgroup.idOfController().map(record.get("cpu_cgroup_id")::equals).orElse(true))
        .max(Comparator.comparingLong(record -> (long) record.get("sequence")))
        .map(record ->
            new Counted(
                (long) record.get("voluntary_switches"),
                (long) record.get("involuntary_switches"),
                (long) record.get("total_ns"),
                (long) record.get("count")))
        .orElse(new Counted(0, 0, 0, 0));
  }

  /** As /proc has it: {@code status} and {@code schedstat}. */
  private record Account(long voluntary, long involuntary, long waitedNs, long runs) {
    Account plus(Account other) {
      return new Account(
          voluntary + other.voluntary,
          involuntary + other.involuntary,
          waitedNs + other.waitedNs,
          runs + other.runs);
    }

    Account minus(Account other) {
      return new Account(
          voluntary - other.voluntary,
          involuntary - other.involuntary,
          waitedNs - other.waitedNs,
          runs - other.runs);
    }
  }

  /** As the probe has it. */
  private record Counted(long voluntary, long involuntary, long totalNs, long count) {
    Counted minus(Counted other) {
      return new Counted(
          voluntary - other.voluntary,
          involuntary - other.involuntary,
          totalNs - other.totalNs,
          count - other.count);
    }
  }
}
