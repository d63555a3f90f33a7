import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs the real agent with every probe that this kernel takes under one load after the other; then a consumer of the same
 * objects in C; then one-liners of bpftrace at the same hooks, each alone. Arguments: the agent's distribution, a work
 * folder, the stack's port base, the executable of consumer.c, seconds of each measurement.
 */
final class ProbesBench {
  /** Every drop of the load is to be an event, and no probe is to be detached for what the load costs. */
  private static final String CONFIG =
      """
      probes: {dropwatch: {max_events_per_second: 0}}
      guard: {cpu_percent: 100, probes_percent: 100}
      """;

  /** The agent's start, and the memory that it gives back ten seconds after. */
  private static final Duration START = Duration.ofSeconds(45);

  /** New code is compiled in this time. */
  private static final Duration SETTLE = Duration.ofSeconds(5);

  private static final Duration SETTLE_PEER = Duration.ofSeconds(2);
  private static final Duration SHORT = Duration.ofSeconds(5);

  private final Path work;
  private final Path consumer;
  private final Duration measured;
  private volatile Optional<Process> current = Optional.empty();

  private ProbesBench(Path work, Path consumer, Duration measured) {
    this.work = work;
    this.consumer = consumer;
    this.measured = measured;
  }

  public static void main(String[] arguments) throws Exception {
    Path dist = Path.of(arguments[0]).toAbsolutePath();
    ProbesBench bench =
        new ProbesBench(
            Path.of(arguments[1]),
            Path.of(arguments[3]),
            Duration.ofSeconds(Integer.parseInt(arguments[4])));
    bench.run(dist, Integer.parseInt(arguments[2])).print();
  }

  private ProbesReport run(Path dist, int base) throws Exception {
    // Also when this process alone is asked to end.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> current.ifPresent(Process::destroy)));
    List<Window> windows = new ArrayList<>();
    try (Subject agent = watched(new AgentUnderBench(dist, work, base, CONFIG))) {
      // What it does once is over then, and what each event runs through is compiled.
      var _ = measure(agent, Load.EVENTS, START, Duration.ofSeconds(1));
      for (Load load : Load.ALL) {
        windows.add(measure(agent, load, SETTLE, measured));
      }
    }
    Map<Long, String> programs;
    try (Consumer peer = new Consumer(consumer, dist.resolve("probes"))) {
      programs = peer.programs();
      watched(peer);
      for (Load load : Load.ALL) {
        windows.add(measure(peer, load, SETTLE_PEER, measured));
      }
    }
    Map<String, List<Window>> oneLiners = new TreeMap<>();
    Optional<String> skipped = Bpftrace.missing();
    if (skipped.isEmpty()) {
      try {
        measureOneLiners(windows, oneLiners);
      } catch (IOException e) {
        skipped = Optional.of(e.getMessage());
      }
    }
    return new ProbesReport(windows, programs, oneLiners, skipped);
  }

  private void measureOneLiners(List<Window> windows, Map<String, List<Window>> oneLiners) throws Exception {
    try (Subject drops = watched(new Bpftrace(Bpftrace.DROPS, work))) {
      List<Window> own = new ArrayList<>();
      for (Load load : List.of(Load.REST, Load.EVENTS, Load.FLOOD)) {
        own.add(named(measure(drops, load, SETTLE_PEER, measured)));
      }
      windows.addAll(own);
      oneLiners.put(Bpftrace.DROPS.probe(), own);
    }
    Duration window = measured.compareTo(SHORT) < 0 ? measured : SHORT;
    for (Bpftrace.OneLiner each : Bpftrace.OTHERS) {
      try (Subject subject = watched(new Bpftrace(each, work))) {
        oneLiners.put(each.probe(), List.of(named(measure(subject, each.load(), SETTLE_PEER, window))));
      }
    }
  }

  private <S extends Subject> S watched(S subject) {
    current = Optional.of(subject.process());
    return subject;
  }

  private Window measure(Subject subject, Load load, Duration settle, Duration window) throws Exception {
    progress(subject.name() + ", " + load.name(), settle.plus(window));
    try (Load.Running running = load.start(work)) {
      LockSupport.parkNanos(settle.toNanos());
      Map<Long, ProgramRuns> runs = ProgramRuns.of(subject.process());
      Subject.Events events = subject.events();
      Load.Machine machine = Load.Machine.now();
      long begin = System.nanoTime();
      AgentUnderBench.Cost cost = AgentUnderBench.measure(subject.process(), window);
      double seconds = (System.nanoTime() - begin) / 1e9;
      Load.Machine after = Load.Machine.now();
      Subject.Events eventsAfter = subject.events();
      Map<Long, ProgramRuns> programs = new TreeMap<>();
      ProgramRuns.of(subject.process()).forEach((id, now) -> {
        if (runs.containsKey(id)) {
          programs.put(id, now.since(runs.get(id)));
        }
      });
      return new Window(
          subject.name(),
          load,
          seconds,
          cost,
          eventsAfter.since(events),
          after.switches() - machine.switches(),
          after.packets() - machine.packets(),
          programs,
          Map.of());
    }
  }

  /** With the names that the kernel has for its programs, as long as they are there. */
  private Window named(Window window) throws IOException {
    return window.named(Consumer.names(consumer, window.programs().keySet()));
  }

  private static void progress(String what, Duration takes) {
    System.out.printf("%s (%d s) …%n", what, takes.toSeconds());
  }
}
