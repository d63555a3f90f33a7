package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.probe.ProbeState.Failed;
import io.bianque.agent.probe.ProbeState.Refusal;
import io.bianque.agent.probe.ProbeState.Skipped;
import io.bianque.agent.probe.ProbeState.Stopped;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * All probes of this host. Starting, stopping, retrying and reporting are for any thread, one at a
 * time; draining is for one thread, beside them: while a probe is loaded into the kernel, the
 * others are still read.
 */
public final class Probes implements AutoCloseable {
  private static final int MAX_BACK_OFF = 16;

  private final ProbeSettings settings;
  private final String hostId;
  private final String bootId;
  private final LongSupplier clockOffset;
  private final EventSink sink;
  private final Clock clock;

  /** Guards all that follows but {@link #running}. */
  private final Object lifecycle = new Object();

  private final Map<String, Probe> probes = new TreeMap<>();
  private long lastEpoch;

  /** Guards {@link #running} and what is in it; held for one turn of draining at most. */
  private final Object draining = new Object();

  private final List<Running> running = new ArrayList<>();
  private int next;

  /** One probe, whatever became of it. */
  private static final class Probe {
    final ProbeFiles files;

    /** Of the probe, then of its polled maps. */
    List<ProbeReport> last;

    Running running;
    int failures;

    Probe(ProbeFiles files, ProbeState state) {
      this.files = files;
      this.last = List.of(ProbeReport.none(files.name(), state));
    }

    ProbeState state() {
      return last.getFirst().state();
    }

    void state(ProbeState state) {
      last = last.stream().map(report -> report.with(state)).toList();
    }
  }

  /**
   * Finds the probes; starts none.
   *
   * @param clockOffset CLOCK_REALTIME - CLOCK_MONOTONIC in ns, measured when asked for
   */
  public Probes(
      ProbeSettings settings,
      String hostId,
      String bootId,
      LongSupplier clockOffset,
      EventSink sink) {
    this(settings, hostId, bootId, clockOffset, sink, Clock.systemUTC());
  }

  Probes(
      ProbeSettings settings,
      String hostId,
      String bootId,
      LongSupplier clockOffset,
      EventSink sink,
      Clock clock) {
    this.settings = settings;
    this.hostId = hostId;
    this.bootId = bootId;
    this.clockOffset = clockOffset;
    this.sink = sink;
    this.clock = clock;
    for (ProbeFiles files : ProbeFiles.in(settings.folders())) {
      probes.put(files.name(), new Probe(files, initialState(files.name())));
    }
  }

  private ProbeState initialState(String name) {
    if (settings.blacklist().contains(name)) {
      return new Skipped("on the black list");
    }
    return settings.disabled().contains(name)
        ? new Skipped("disabled by configuration")
        : new Stopped();
  }

  /** Starts every probe that is not skipped; none of them keeps another from starting. */
  public void startAll() {
    synchronized (lifecycle) {
      for (Probe probe : probes.values()) {
        if (probe.state() instanceof Stopped) {
          load(probe);
        }
      }
    }
  }

  /**
   * Starts a probe that does not run; nothing for one that does.
   *
   * @return the state it is in then
   * @throws IllegalArgumentException when there is no such probe
   */
  public ProbeState start(String name) {
    synchronized (lifecycle) {
      Probe probe = probe(name);
      if (probe.running == null && !settings.blacklist().contains(name)) {
        probe.failures = 0;
        load(probe);
      }
      return probe.state();
    }
  }

  /**
   * Stops a probe: detaches it, hands what is in its channel to the sink, unloads it. One that
   * failed is not retried any more.
   *
   * @throws IllegalArgumentException when there is no such probe
   */
  public ProbeState stop(String name) {
    synchronized (lifecycle) {
      Probe probe = probe(name);
      if (probe.running != null) {
        unload(probe);
      }
      if (!(probe.state() instanceof Skipped)) {
        probe.state(new Stopped());
      }
      return probe.state();
    }
  }

  /**
   * Tries again the probes that failed and whose time has come. To be called every second or so.
   */
  public void retryFailed() {
    synchronized (lifecycle) {
      Instant now = clock.instant();
      for (Probe probe : probes.values()) {
        if (probe.state() instanceof Failed failed
            && failed.retryAt().isPresent()
            && !failed.retryAt().get().isAfter(now)) {
          load(probe);
        }
      }
    }
  }

  /**
   * Hands events to the sink, at most so many; each probe has its turn first once, so that a busy
   * one does not keep the others waiting. No system call.
   *
   * @return events taken from the channels; less than {@code maxEvents} when no more were there
   */
  public int drain(int maxEvents) {
    synchronized (draining) {
      int taken = 0;
      int first = next;
      for (int i = 0; i < running.size() && taken < maxEvents; i++) {
        int index = (first + i) % running.size();
        taken += running.get(index).drain(maxEvents - taken);
        next = index + 1;
      }
      return taken;
    }
  }

  /**
   * Hands what has changed in the polled maps to the sink: of each probe in turn, with draining in
   * between. On the thread that drains.
   */
  public void poll() {
    List<Running> now;
    synchronized (draining) {
      now = List.copyOf(running);
    }
    for (Running each : now) {
      synchronized (draining) {
        if (running.contains(each)) {
          each.poll();
        }
      }
    }
  }

  /** Sets the clock offset of events that are drained from now on. To be called every second. */
  public void refreshClockOffset() {
    long nanos = clockOffset.getAsLong();
    synchronized (draining) {
      running.forEach(r -> r.clockOffset(nanos));
    }
  }

  /** The account of every probe, and behind it those of its polled maps, by name. */
  public List<ProbeReport> report() {
    synchronized (lifecycle) {
      List<ProbeReport> reports = new ArrayList<>();
      for (Probe probe : probes.values()) {
        if (probe.running != null) {
          synchronized (draining) {
            probe.last = probe.running.reports();
          }
        }
        reports.addAll(probe.last);
      }
      return List.copyOf(reports);
    }
  }

  /** Stops all. */
  public void stopAll() {
    synchronized (lifecycle) {
      probes.keySet().forEach(this::stop);
    }
  }

  @Override
  public void close() {
    stopAll();
  }

  private Probe probe(String name) {
    Probe probe = probes.get(name);
    if (probe == null) {
      throw new IllegalArgumentException(
          "no probe " + name + "; there are " + String.join(", ", probes.keySet()));
    }
    return probe;
  }

  private void load(Probe probe) {
    String name = probe.files.name();
    try {
      ProbePlan plan =
          ProbePlan.read(probe.files, settings.tunables().getOrDefault(name, Map.of()));
      InKernel kernel = new Loader(plan, settings).load();
      // After attaching, which takes tens of milliseconds: what the kernel did before it is in the
      // gap that ends with this epoch.
      long epoch = newEpoch();
      AgentFields fields = new AgentFields(hostId, bootId, epoch, clockOffset.getAsLong());
      probe.running = new Running(plan, epoch, kernel, fields, sink);
      probe.failures = 0;
      probe.last = probe.running.reports();
      synchronized (draining) {
        running.add(probe.running);
      }
    } catch (ProbeRejected e) {
      probe.state(new Failed(e.getMessage(), List.of(), Optional.empty()));
    } catch (HooksRefused e) {
      if (e.allOptional()) {
        probe.state(new Skipped(nothingHere(e)));
        return;
      }
      probe.state(new Failed(e.getMessage(), e.refused(), nextTry(probe)));
    } catch (BpfException e) {
      probe.state(new Failed(e.getMessage(), List.of(), nextTry(probe)));
    }
  }

  private static String nothingHere(HooksRefused e) {
    return "this kernel has none of its hooks: "
        + e.refused().stream().map(Refusal::hook).distinct().collect(Collectors.joining(", "));
  }

  private void unload(Probe probe) {
    synchronized (draining) {
      running.remove(probe.running);
      probe.last = probe.running.stop();
    }
    probe.running = null;
  }

  private Optional<Instant> nextTry(Probe probe) {
    Duration wait = settings.retryAfter().multipliedBy(Math.min(1 << probe.failures, MAX_BACK_OFF));
    probe.failures = Math.min(probe.failures + 1, MAX_BACK_OFF);
    return Optional.of(clock.instant().plus(wait));
  }

  /** Wall time, but never twice the same. */
  private long newEpoch() {
    Instant now = clock.instant();
    long nanos =
        Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
    lastEpoch = Math.max(lastEpoch + 1, nanos);
    return lastEpoch;
  }
}
