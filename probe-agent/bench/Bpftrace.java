import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** A one-liner of bpftrace at the hooks of one of the agent's probes. */
final class Bpftrace implements Subject {

  /**
   * A one-liner.
   *
   * @param probe of the agent, that has the same hooks
   * @param hooks by the name of bpftrace's program: the agent's function, without its variant
   * @param load under which it is looked at
   */
  record OneLiner(String probe, String text, Map<String, String> hooks, Load load) {}

  static final OneLiner DROPS =
      new OneLiner(
          "dropwatch",
          "tracepoint:skb:kfree_skb { printf(\"%d %s %d %s\\n\", pid, comm, args->reason, kstack); }",
          Map.of("kfree_skb", "kfree_skb"),
          Load.EVENTS);

  static final List<OneLiner> OTHERS =
      List.of(
          new OneLiner(
              "runqlat",
              "tracepoint:sched:sched_wakeup, tracepoint:sched:sched_wakeup_new { @q[args->pid] = nsecs; }"
                  + " tracepoint:sched:sched_switch { if (args->prev_state == 0) { @q[args->prev_pid] = nsecs; }"
                  + " $since = @q[args->next_pid]; if ($since) { @ns = hist(nsecs - $since); }"
                  + " delete(@q[args->next_pid]); }",
              Map.of("sched_switch", "switch", "sched_wakeup", "wakeup", "sched_wakeup_new", "wakeup_new"),
              Load.SWITCHES),
          new OneLiner(
              "softirq",
              "tracepoint:irq:softirq_raise { @raised[cpu, args->vec] = nsecs; }"
                  + " tracepoint:irq:softirq_entry { @begun[cpu] = nsecs; $since = @raised[cpu, args->vec];"
                  + " if ($since) { @delay[args->vec] = hist(nsecs - $since); } }"
                  + " tracepoint:irq:softirq_exit { @run[args->vec] = hist(nsecs - @begun[cpu]); }",
              Map.of("softirq_raise", "raise", "softirq_entry", "entry", "softirq_exit", "exit"),
              Load.SWITCHES),
          new OneLiner(
              "irq",
              "tracepoint:irq:irq_handler_entry { @begun[cpu] = nsecs; }"
                  + " tracepoint:irq:irq_handler_exit { @run[args->irq] = hist(nsecs - @begun[cpu]); }",
              Map.of("irq_handler_entry", "entry", "irq_handler_exit", "exit"),
              Load.RARE),
          new OneLiner(
              "tcp_retransmit",
              "tracepoint:tcp:tcp_retransmit_skb { printf(\"%d %s %s %d %s %d\\n\", pid, comm, ntop(args->saddr),"
                  + " args->sport, ntop(args->daddr), args->dport); }",
              Map.of("tcp_retransmit_skb", "segment"),
              Load.RARE));

  /** Its lines are read by grep, so that what it says it lost is known and nothing is kept. */
  private static final String SCRIPT =
      """
      mountpoint -q /sys/kernel/debug/tracing || mount -t debugfs debugfs /sys/kernel/debug
      exec bpftrace -e "$1" > >(grep --line-buffered '^Lost' >"$2")
      """;

  private final Process process;
  private final Path lost;
  private final Path log;

  /** Starts it, in a mount namespace of its own: it needs debugfs, which this machine may not have mounted. */
  Bpftrace(OneLiner oneLiner, Path work) throws IOException {
    this.lost = work.resolve("bpftrace.lost");
    this.log = work.resolve("bpftrace.log");
    this.process =
        new ProcessBuilder("unshare", "--mount", "bash", "-c", SCRIPT, "bash", oneLiner.text(), lost.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    awaitPrograms(oneLiner.hooks().size());
  }

  /** Why there are no figures of it; empty: there are. */
  static Optional<String> missing() throws IOException, InterruptedException {
    int found = new ProcessBuilder("sh", "-c", "command -v bpftrace unshare >/dev/null").start().waitFor();
    return found == 0 ? Optional.empty() : Optional.of("bpftrace is not installed: apt-get install bpftrace");
  }

  private void awaitPrograms(int count) throws IOException {
    for (int i = 0; i < 100; i++) {
      if (!process.isAlive()) {
        throw new IOException("bpftrace ended: " + Files.readString(log).strip());
      }
      if (ProgramRuns.of(process).size() >= count) {
        return;
      }
      LockSupport.parkNanos(100_000_000);
    }
    close();
    throw new IOException("bpftrace has no programs after 10 s: " + Files.readString(log).strip());
  }

  @Override
  public String name() {
    return "bpftrace";
  }

  @Override
  public Process process() {
    return process;
  }

  /** All runs of its programs, which for drops are the events; "Lost 12 events" it says once a second or so. */
  @Override
  public Events events() throws IOException {
    long runs = ProgramRuns.of(process).values().stream().mapToLong(ProgramRuns::count).sum();
    long sum =
        Files.readAllLines(lost).stream().mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).sum();
    return new Events(runs, 0, 0, runs - sum);
  }

  @Override
  public void close() {
    process.destroy();
    try {
      AgentUnderBench.stop(process);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
