import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Prints what ProbesBench has measured.
 *
 * @param windows of the agent, the consumer in C, and bpftrace's one-liner of drops
 * @param functions probe and function of each program of the consumer in C, by id
 * @param oneLiners bpftrace's windows by the agent's probe at the same hooks
 * @param skipped why there are none of bpftrace
 */
record ProbesReport(
    List<Window> windows,
    Map<Long, String> functions,
    Map<String, List<Window>> oneLiners,
    Optional<String> skipped) {
  private static final double CPU_LIMIT = 2.0;
  private static final double RSS_LIMIT = 80.0;
  private static final double MACHINE_LIMIT = 1.0;
  private static final long ENOUGH_RUNS = 200;
  private static final String AGENT = "agent";
  private static final String PEER = "C libbpf";

  void print() {
    System.out.printf(
        "%n%d CPUs. kernel.bpf_stats_enabled, which adds some 20 ns to each run. C libbpf: the same objects, rings and maps"
            + " read as by the agent,%nnothing encoded or published. bpftrace: skb:kfree_skb alone, each drop printed with"
            + " its stack to a reader that discards it.%nRSS has each ring twice, because it is mapped twice.%n",
        Runtime.getRuntime().availableProcessors());
    printCosts();
    printRuns();
    printOneLiners();
    System.out.printf("%nwhere the agent's memory is, at %s:%n", Load.EVENTS.name());
    window(AGENT, Load.EVENTS).cost().memory().forEach((kind, mb) -> System.out.printf("  %-36s %7.1f MB%n", kind, mb));
    printLimits();
  }

  private void printCosts() {
    System.out.printf(
        "%n%-18s %-9s %9s %9s %9s %9s %9s %9s %9s %9s %10s %9s%n",
        "load", "", "CPU", "RSS", "probes", "probes", "drops/s", "rate", "ring", "arrived/s", "switches/s", "packets/s");
    System.out.printf(
        "%-18s %-9s %9s %9s %9s %9s %9s %9s %9s%n",
        "", "", "of a core", "MB", "of a core", "machine", "", "limited/s", "full/s");
    for (Load load : Load.ALL) {
      for (Window each : windows) {
        if (each.load().equals(load)) {
          printCost(each);
        }
      }
    }
  }

  private static void printCost(Window each) {
    System.out.printf(
        "%-18s %-9s %7.2f %% %9.1f %7.2f %% %7.2f %% %9.0f %9.0f %9.0f %9.0f %10.0f %9.0f%n",
        each.load().name(),
        each.subject(),
        each.cost().cpuPercent(),
        each.cost().rssMb(),
        each.probesPercent(),
        each.machinePercent(),
        each.perSecond(each.events().attempted()),
        each.perSecond(each.events().rateLimited()),
        each.perSecond(each.events().ringFull()),
        each.perSecond(each.events().arrived()),
        each.perSecond(each.switches()),
        each.perSecond(each.packets()));
  }

  /** Each program under the first load that has it run often enough for a mean. */
  private void printRuns() {
    System.out.printf(
        "%n%-52s %-18s %17s %17s%n", "ns a run", "load", "agent", "C libbpf");
    System.out.printf("%-52s %-18s %9s %7s %9s %7s%n", "", "", "runs/s", "ns", "runs/s", "ns");
    for (String function : functions.values().stream().sorted().toList()) {
      Load load = telling(function);
      ProgramRuns ours = runs(AGENT, load).get(function);
      ProgramRuns theirs = runs(PEER, load).get(function);
      if (ours == null || ours.count() == 0) {
        System.out.printf("%-52s %s%n", function, "no run under any of these loads");
      } else {
        System.out.printf(
            "%-52s %-18s %9.1f %7s %9.1f %7s%n",
            function, load.name(), rate(AGENT, load, ours), nanos(ours), rate(PEER, load, theirs), nanos(theirs));
      }
    }
  }

  private void printOneLiners() {
    System.out.println();
    if (skipped.isPresent()) {
      System.out.println("bpftrace: skipped. " + skipped.get());
      return;
    }
    System.out.printf(
        "%-16s %-18s %9s %9s  %-20s %9s %9s   %s%n",
        "bpftrace for", "load", "CPU", "RSS", "program", "runs/s", "ns a run", "the agent's");
    List<Bpftrace.OneLiner> all = new ArrayList<>(List.of(Bpftrace.DROPS));
    all.addAll(Bpftrace.OTHERS);
    for (Bpftrace.OneLiner oneLiner : all) {
      for (Window window : oneLiners.getOrDefault(oneLiner.probe(), List.of())) {
        window.programs().forEach((id, runs) -> {
          String name = window.names().getOrDefault(id, "?");
          System.out.printf(
              "%-16s %-18s %7.2f %% %6.1f MB  %-20s %9.0f %9s   %s%n",
              oneLiner.probe(),
              window.load().name(),
              window.cost().cpuPercent(),
              window.cost().rssMb(),
              name,
              window.perSecond(runs.count()),
              nanos(runs),
              ours(oneLiner, name, window.load()));
        });
      }
    }
  }

  private String ours(Bpftrace.OneLiner oneLiner, String name, Load load) {
    String prefix =
        oneLiner.hooks().entrySet().stream()
            .filter(hook -> hook.getKey().startsWith(name))
            .min(Comparator.comparing(hook -> hook.getKey().length()))
            .map(hook -> oneLiner.probe() + " " + hook.getValue() + "__")
            .orElse("?");
    return runs(AGENT, load).entrySet().stream()
        .filter(each -> each.getKey().startsWith(prefix))
        .map(each -> nanos(each.getValue()) + " ns (" + each.getKey() + ")")
        .findFirst()
        .orElse("-");
  }

  private void printLimits() {
    Window events = window(AGENT, Load.EVENTS);
    Window switches = window(AGENT, Load.SWITCHES);
    Map<String, Double> ratios = new LinkedHashMap<>();
    System.out.printf("%n%-72s %9s %9s%n", "goal", "measured", "limit");
    limit(
        ratios,
        "agent_cpu",
        "agent's CPU at %.0f events/s, of one core".formatted(events.perSecond(events.events().attempted())),
        events.cost().cpuPercent(),
        CPU_LIMIT,
        "%");
    limit(ratios, "agent_rss", "agent's RSS there, every probe attached", events.cost().rssMb(), RSS_LIMIT, "MB");
    limit(
        ratios,
        "probes_machine",
        "all probes at %.0f context switches/s and %.0f packets/s, of the machine"
            .formatted(switches.perSecond(switches.switches()), switches.perSecond(switches.packets())),
        switches.machinePercent(),
        MACHINE_LIMIT,
        "%");
    System.out.println(json(ratios));
  }

  private static void limit(
      Map<String, Double> ratios, String key, String what, double value, double limit, String unit) {
    ratios.put(key, limit / value);
    System.out.printf(
        "%-72s %6.2f %-2s %6.1f %-2s %s%n", what, value, unit, limit, unit, value <= limit ? "met" : "NOT MET");
  }

  /** Ratios above 1 are within the limit. */
  private String json(Map<String, Double> ratios) {
    String each =
        ratios.entrySet().stream()
            .map(ratio -> String.format(Locale.ROOT, "\"%s\":%.3f", ratio.getKey(), ratio.getValue()))
            .collect(Collectors.joining(","));
    String costs =
        windows.stream()
            .map(w ->
                String.format(
                    Locale.ROOT,
                    "{\"load\":\"%s\",\"of\":\"%s\",\"cpu_percent\":%.2f,\"rss_mb\":%.1f,\"probes_cpu_percent\":%.3f,"
                        + "\"events_per_second\":%.0f,\"switches_per_second\":%.0f,\"packets_per_second\":%.0f}",
                    w.load().name(),
                    w.subject(),
                    w.cost().cpuPercent(),
                    w.cost().rssMb(),
                    w.probesPercent(),
                    w.perSecond(w.events().attempted()),
                    w.perSecond(w.switches()),
                    w.perSecond(w.packets())))
            .collect(Collectors.joining(","));
    return String.format(
        Locale.ROOT,
        "{\"bench\":\"probes\",\"ratio\":%.3f,\"ratios\":{%s},\"windows\":[%s]}",
        ratios.values().stream().mapToDouble(d -> d).min().orElseThrow(),
        each,
        costs);
  }

  private Window window(String subject, Load load) {
    return windows.stream()
        .filter(each -> each.subject().equals(subject) && each.load().equals(load))
        .findFirst()
        .orElseThrow();
  }

  private Load telling(String function) {
    return List.of(Load.SWITCHES, Load.EVENTS, Load.RARE).stream()
        .filter(load -> count(function, load) >= ENOUGH_RUNS)
        .findFirst()
        .orElse(Load.RARE);
  }

  private long count(String function, Load load) {
    ProgramRuns runs = runs(AGENT, load).get(function);
    return runs == null ? 0 : runs.count();
  }

  /** By probe and function. The agent's programs are those with the tags of the consumer's, in the same order. */
  private Map<String, ProgramRuns> runs(String subject, Load load) {
    Map<String, List<String>> byTag = new HashMap<>();
    window(PEER, load)
        .programs()
        .forEach((id, runs) -> byTag.computeIfAbsent(runs.tag(), _ -> new ArrayList<>()).add(functions.get(id)));
    Map<String, ProgramRuns> named = new TreeMap<>();
    Map<String, Integer> next = new HashMap<>();
    window(subject, load)
        .programs()
        .forEach((_, runs) -> {
          List<String> names = byTag.getOrDefault(runs.tag(), List.of());
          int at = next.merge(runs.tag(), 1, Integer::sum) - 1;
          if (at < names.size()) {
            named.put(names.get(at), runs);
          }
        });
    return named;
  }

  private double rate(String subject, Load load, ProgramRuns runs) {
    return runs == null ? 0 : window(subject, load).perSecond(runs.count());
  }

  private static String nanos(ProgramRuns runs) {
    return runs == null || runs.count() == 0 ? "-" : "%.0f".formatted((double) runs.nanos() / runs.count());
  }
}
