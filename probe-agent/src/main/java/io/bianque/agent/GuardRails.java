package io.bianque.agent;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.libbpf.OwnMemory;
import io.bianque.agent.libbpf.RunTimes;
import io.bianque.agent.probe.ProbeReport;
import io.bianque.agent.probe.Probes;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the agent and its probes within the budget that the operator gives them: when they are over
 * it for long, the dearest probe is detached, which the stream says as its state, and tried again
 * later. For the drain thread.
 *
 * <p>The kernel's time in the programs is sampled for a second of each window, because measuring
 * costs something too.
 */
final class GuardRails {
  private static final Logger LOG = LoggerFactory.getLogger(GuardRails.class);

  private final Probes probes;
  private final AgentConfig.Guard budget;
  private final long windowNanos;
  private final int patience;
  private final Runnable onShed;

  private long windowBegan;
  private Duration cpuBefore;
  private Map<String, Long> eventsBefore = Map.of();
  private Optional<RunTimes> sampling = Optional.empty();
  private boolean sampled;
  private long sampleBegan;
  private Map<String, Long> timesBefore = Map.of();
  private Map<String, Double> kernelPercent = new HashMap<>();
  private int over;

  /**
   * @param window in which costs are added up
   * @param patience windows in a row that must be over the budget before a probe is detached; the
   *     first ones after a start are dear for another reason, compiling
   * @param onShed called when a probe was detached
   */
  GuardRails(
      Probes probes, AgentConfig.Guard budget, Duration window, int patience, Runnable onShed) {
    this.probes = probes;
    this.onShed = onShed;
    this.budget = budget;
    this.windowNanos = window.toNanos();
    this.patience = patience;
  }

  /** To be called about once a second. */
  void turn(long now) {
    if (cpuBefore == null) {
      begin(now);
    } else if (sampling.isPresent()) {
      endSample(now);
    } else if (!sampled) {
      beginSample(now);
    } else if (now - windowBegan >= windowNanos) {
      judge(now);
      begin(now);
    }
  }

  private void begin(long now) {
    windowBegan = now;
    cpuBefore = cpu();
    eventsBefore = events();
    sampled = false;
  }

  private void beginSample(long now) {
    sampled = true;
    kernelPercent = new HashMap<>();
    sampling = RunTimes.measure();
    sampleBegan = now;
    timesBefore = probes.runTimes();
  }

  private void endSample(long now) {
    probes
        .runTimes()
        .forEach((probe, nanos) -> {
          long before = timesBefore.getOrDefault(probe, nanos);
          kernelPercent.put(probe, 100.0 * (nanos - before) / (now - sampleBegan));
        });
    sampling.ifPresent(RunTimes::close);
    sampling = Optional.empty();
  }

  private void judge(long now) {
    double agent = 100.0 * cpu().minus(cpuBefore).toNanos() / (now - windowBegan);
    double kernel = kernelPercent.values().stream().mapToDouble(Double::doubleValue).sum();
    long resident = OwnMemory.residentBytes();
    double machine = kernel / Runtime.getRuntime().availableProcessors();
    boolean isOver =
        agent > budget.cpuPercent()
            || machine > budget.probesPercent()
            || resident > budget.memoryBytes();
    over = isOver ? over + 1 : 0;
    if (over >= patience) {
      over = 0;
      shed(
          agent,
          "over the budget for %d s: the agent used %.2f %% of a CPU, of %.2f %%; its probes %.2f %% of the machine, of %.2f %%; and %d MiB of %d MiB"
              .formatted(
                  patience * TimeUnit.NANOSECONDS.toSeconds(windowNanos),
                  agent,
                  budget.cpuPercent(),
                  machine,
                  budget.probesPercent(),
                  resident >> 20,
                  budget.memoryBytes() >> 20));
    }
  }

  /** The agent's own time is its events', as far as anybody can tell. */
  private void shed(double agentPercent, String reason) {
    Map<String, Long> events = events();
    events.replaceAll((probe, count) -> count - eventsBefore.getOrDefault(probe, count));
    long all = Math.max(1, events.values().stream().mapToLong(Long::longValue).sum());
    Map<String, Double> cost = new HashMap<>(kernelPercent);
    events.forEach((probe, count) -> cost.merge(probe, agentPercent * count / all, Double::sum));
    cost.entrySet().stream()
        .max(Comparator.comparingDouble(Map.Entry::getValue))
        .ifPresent(dearest -> {
          String why =
              "%s; this probe was the dearest with %.2f %%".formatted(reason, dearest.getValue());
          LOG.warn("probe {} is detached for {}: {}", dearest.getKey(), budget.pause(), why);
          probes.shed(dearest.getKey(), why, budget.pause());
          onShed.run();
        });
  }

  /** Events read, of the probes that run. */
  private Map<String, Long> events() {
    Map<String, Long> events = new HashMap<>();
    for (ProbeReport report : probes.report()) {
      if (timesBefore.containsKey(report.probe())) {
        events.put(report.probe(), report.read());
      }
    }
    return events;
  }

  private static Duration cpu() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
  }
}
