package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.probe.ProbeState.Failed;
import io.bianque.agent.probe.ProbeState.Refusal;
import io.bianque.agent.probe.ProbeState.Skipped;
import io.bianque.agent.probe.ProbeState.Stopped;
import io.bianque.agent.source.Source;
import io.bianque.agent.source.SourceAbsent;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All probes of this host. Starting, stopping, retrying and reporting are for any thread, one at a
 * time; draining is for one thread, beside them: while a probe is loaded into the kernel, the
 * others are still read.
 */
public final class Probes implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Probes.class);
  private static final int MAX_BACK_OFF = 16;

  static final String ON_REQUEST =
      "runs on request only: `bianque control start`, or enabled: true in its configuration";

  private final ProbeSettings settings;
  private final String hostId;
  private final String bootId;
  private final LongSupplier clockOffset;
  private final CodeNames codeNames;
  private final EventSink sink;
  private final Clock clock;

  /** Guards all that follows but {@link #running}. */
  private final Object lifecycle = new Object();

  private final Map<String, Probe> probes = new TreeMap<>();

  /** Names of those that may be replaced and removed. */
  private final Set<String> own = new HashSet<>();

  private boolean started;
  private long lastEpoch;

  /** Guards {@link #running} and what is in it; held for one turn of draining at most. */
  private final Object draining = new Object();

  private final List<ProbeLife> running = new ArrayList<>();
  private int next;
  private int nextPolled;

  /** One probe, whatever became of it. */
  private static final class Probe {
    final ProbeFiles files;

    /** Of the probe, then of its polled maps. */
    List<ProbeReport> last;

    ProbeLife running;
    int failures;

    /** By what it says itself, it does not start with the agent. */
    boolean onRequest;

    /** What it is loaded with. */
    Map<String, String> tunables;

    Probe(ProbeFiles files, Map<String, String> tunables, ProbeState state) {
      this.files = files;
      this.tunables = tunables;
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
   * @param codeNames of code that processes make, asked by the thread that drains
   */
  public Probes(
      ProbeSettings settings,
      String hostId,
      String bootId,
      LongSupplier clockOffset,
      CodeNames codeNames,
      EventSink sink) {
    this(settings, hostId, bootId, clockOffset, codeNames, sink, Clock.systemUTC());
  }

  Probes(
      ProbeSettings settings,
      String hostId,
      String bootId,
      LongSupplier clockOffset,
      CodeNames codeNames,
      EventSink sink,
      Clock clock) {
    this.settings = settings;
    this.hostId = hostId;
    this.bootId = bootId;
    this.clockOffset = clockOffset;
    this.codeNames = codeNames;
    this.sink = sink;
    this.clock = clock;
    for (ProbeFiles files : ProbeFiles.in(settings.folders())) {
      String name = files.name();
      probes.put(name, new Probe(files, configured(name), initialState(name)));
    }
  }

  private Map<String, String> configured(String name) {
    return settings.tunables().getOrDefault(name, Map.of());
  }

  private ProbeState initialState(String name) {
    if (settings.blacklist().contains(name)) {
      return new Skipped("on the black list");
    }
    return settings.enabled().getOrDefault(name, true)
        ? new Stopped()
        : new Skipped("disabled by configuration");
  }

  /**
   * Starts every probe that is not skipped; none of them keeps another from starting. What an
   * earlier run left in the kernel is adopted, or ended where it is not wanted any more.
   */
  public void startAll() {
    synchronized (lifecycle) {
      started = true;
      settings.pins().map(Pins::probes).orElse(List.of()).stream()
          .filter(name -> !(probes.containsKey(name) && isWanted(probes.get(name))))
          .forEach(this::endPinned);
      for (Probe probe : probes.values()) {
        if (isWanted(probe)) {
          load(probe, settings.enabled().containsKey(probe.files.name()));
        }
      }
    }
  }

  /** Ends what an earlier run left in the kernel, when it has been read. */
  private void endPinned(String name) {
    settings
        .pins()
        .flatMap(pins -> pins.of(name))
        .flatMap(pin -> adoptToEnd(name, pin))
        .ifPresent(this::stop);
  }

  private static boolean isWanted(Probe probe) {
    return probe.state() instanceof Stopped;
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
        load(probe, true);
      }
      return probe.state();
    }
  }

  /** The same with other tunables than the settings'. */
  public ProbeState start(String name, Map<String, String> tunables) {
    synchronized (lifecycle) {
      probe(name).tunables = Map.copyOf(tunables);
      return start(name);
    }
  }

  /** Whether a probe starts with the agent; true for one that is not there. */
  public boolean startsByItself(String name) {
    synchronized (lifecycle) {
      return initialState(name) instanceof Stopped
          && !(probes.containsKey(name) && probes.get(name).onRequest);
    }
  }

  /** Why a probe could not be started with these tunables, as far as is known without trying. */
  public Optional<String> refusal(String name, Map<String, String> tunables) {
    Probe probe;
    synchronized (lifecycle) {
      probe = probes.get(name);
    }
    if (probe == null) {
      return Optional.of("no probe " + name + "; there are " + String.join(", ", probes.keySet()));
    }
    if (settings.blacklist().contains(name)) {
      return Optional.of("probe " + name + " is on the black list");
    }
    try {
      if (probe.files.object().isPresent()) {
        var _ = ProbePlan.read(probe.files, tunables);
      } else {
        var _ = SourcePlan.read(probe.files, tunables);
      }
      return Optional.empty();
    } catch (ProbeRejected e) {
      return Optional.of(e.getMessage());
    }
  }

  /** How a probe stands; empty when there is none of that name. */
  public Optional<ProbeState> state(String name) {
    synchronized (lifecycle) {
      return Optional.ofNullable(probes.get(name)).map(Probe::state);
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
          load(probe, true);
        }
      }
    }
  }

  /**
   * Hands events to the sink, at most so many; each probe has its turn first once, so that a busy
   * one does not keep the others waiting. No system call but those of sources.
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
   * Hands what has changed in the polled maps of one probe to the sink; all take turns. Of all at
   * once, every stream that is written to would have an open batch and a compressor. On the thread
   * that drains.
   *
   * @return how many probes take turns
   */
  public int pollNext() {
    synchronized (draining) {
      if (!running.isEmpty()) {
        nextPolled %= running.size();
        running.get(nextPolled++).poll();
      }
      return running.size();
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

  /**
   * Of each probe that runs, the time that its programs ran while the kernel measured it, in ns.
   */
  public Map<String, Long> runTimes() {
    synchronized (lifecycle) {
      Map<String, Long> times = new HashMap<>();
      probes.forEach((name, probe) -> {
        if (probe.running != null) {
          times.put(name, probe.running.runTimeNanos());
        }
      });
      return times;
    }
  }

  /** Stops a probe for a while; how it stands says why. Nothing for one that does not run. */
  public void shed(String name, String reason, Duration pause) {
    synchronized (lifecycle) {
      Probe probe = probe(name);
      if (probe.running != null) {
        unload(probe);
        probe.state(new Failed(reason, List.of(), Optional.of(clock.instant().plus(pause))));
        probe.last.forEach(sink::ended);
      }
    }
  }

  /**
   * Takes a probe that was not there before, or other files of one that this took before; it is
   * started when the others are.
   */
  void put(ProbeFiles files) {
    synchronized (lifecycle) {
      String name = files.name();
      if (probes.containsKey(name) && !own.contains(name)) {
        Path file = files.object().orElse(files.schema());
        LOG.warn("{} is not loaded: there is a probe {} already", file, name);
        return;
      }
      Probe before = probes.get(name);
      if (before != null && before.running != null) {
        unload(before);
      }
      own.add(name);
      Probe probe = new Probe(files, configured(name), initialState(name));
      probes.put(name, probe);
      if (started && isWanted(probe)) {
        load(probe, settings.enabled().containsKey(name));
        LOG.info("probe {}: {}", name, probe.state());
      }
    }
  }

  /** Stops and forgets a probe that {@link #put} took. */
  void remove(String name) {
    synchronized (lifecycle) {
      if (own.remove(name)) {
        Probe probe = probes.remove(name);
        if (probe.running != null) {
          unload(probe);
        }
        LOG.info("probe {} is gone from its folder and stopped", name);
      }
    }
  }

  /** Stops all that would not go on without this process. */
  public void stopUnpinned() {
    synchronized (lifecycle) {
      probes.forEach((name, probe) -> {
        if (probe.running != null && probe.running.pin().isEmpty()) {
          stop(name);
        }
      });
    }
  }

  /**
   * Ends with this process, and leaves what is pinned at work. To be called when all that the sink
   * has taken is settled.
   */
  public void leave() {
    stopUnpinned();
    synchronized (lifecycle) {
      started = false;
      for (Probe probe : probes.values()) {
        if (probe.running != null) {
          synchronized (draining) {
            running.remove(probe.running);
            probe.last = probe.running.reports();
            probe.running.leave();
          }
          probe.running = null;
        }
      }
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

  /**
   * @param asked whether somebody wants it; else it says itself whether it starts
   */
  private void load(Probe probe, boolean asked) {
    String name = probe.files.name();
    try {
      Optional<ProbeLife> begun = begin(probe, asked);
      if (begun.isEmpty()) {
        endPinned(name);
        probe.onRequest = true;
        probe.state(new Skipped(ON_REQUEST));
        return;
      }
      probe.running = begun.get();
      probe.failures = 0;
      probe.last = probe.running.reports();
      synchronized (draining) {
        running.add(probe.running);
      }
    } catch (ProbeRejected e) {
      endPinned(name);
      probe.state(new Failed(e.getMessage(), List.of(), Optional.empty()));
    } catch (HooksRefused e) {
      if (e.allOptional()) {
        probe.state(new Skipped(nothingHere(e)));
        return;
      }
      probe.state(new Failed(e.getMessage(), e.refused(), nextTry(probe)));
    } catch (SourceAbsent e) {
      probe.state(new Skipped(e.getMessage()));
    } catch (BpfException | UncheckedIOException e) {
      probe.state(new Failed(e.getMessage(), List.of(), nextTry(probe)));
    }
  }

  /** Empty when it runs on request only, and nobody has asked for it. */
  private Optional<ProbeLife> begin(Probe probe, boolean asked) {
    return probe.files.object().isPresent()
        ? program(probe.files, probe.tunables, asked).map(life -> life)
        : Optional.of(source(probe.files, probe.tunables));
  }

  private ProbeLife source(ProbeFiles files, Map<String, String> tunables) {
    SourcePlan plan = SourcePlan.read(files, tunables);
    Source source = plan.kind().open(plan.tunables());
    long epoch = newEpoch();
    return new RunningSource(plan, epoch, source, fields(epoch), sink);
  }

  private Optional<Running> program(ProbeFiles files, Map<String, String> tunables, boolean asked) {
    ProbePlan plan = ProbePlan.read(files, tunables);
    if (!asked && !plan.enabled()) {
      return Optional.empty();
    }
    String identity = Pins.identity(plan.object(), tunables, settings.channelBytes().orElse(0));
    Optional<Pin> pin = settings.pins().flatMap(pins -> pins.of(files.name()));
    return pin.filter(each -> each.identity().equals(identity))
        .flatMap(each -> adopt(plan, each))
        .or(() -> Optional.of(fresh(files, plan, identity, pin)));
  }

  /**
   * A new life. One of another object that is still pinned ends when the new programs are about to
   * be attached: as late as can be, but nothing is seen by both.
   */
  private Running fresh(ProbeFiles files, ProbePlan plan, String identity, Optional<Pin> old) {
    Optional<Running> ending = old.flatMap(pin -> adoptToEnd(plan.name(), pin));
    try {
      InKernel kernel = new Loader(plan, settings).load(() -> ending.ifPresent(Running::detach));
      // After attaching, which takes tens of milliseconds: what the kernel did before it is in the
      // gap that ends with this epoch.
      long epoch = newEpoch();
      if (kernel.isPinnable()) {
        InKernel loaded = kernel;
        kernel =
            settings.pins().map(pins -> pins.keep(loaded, files, identity, epoch)).orElse(kernel);
      }
      return new Running(plan, epoch, kernel, fields(epoch), sink);
    } finally {
      ending.ifPresent(this::stop);
    }
  }

  /** Goes on with what an earlier run left in the kernel; empty when that cannot be read. */
  private Optional<Running> adopt(ProbePlan plan, Pin pin) {
    try {
      InKernel kernel = Loader.adopt(plan, pin);
      LOG.info("probe {} goes on as epoch {}", plan.name(), pin.epoch());
      lastEpoch = Math.max(lastEpoch, pin.epoch());
      return Optional.of(new Running(plan, pin.epoch(), kernel, fields(pin.epoch()), sink));
    } catch (BpfException | ProbeRejected e) {
      giveUp(plan.name(), pin, e);
      return Optional.empty();
    }
  }

  /** The same by the files that it was loaded from, whatever has become of them since. */
  private Optional<Running> adoptToEnd(String name, Pin pin) {
    try {
      ProbeFiles files = settings.pins().orElseThrow().files(name, pin);
      return adopt(ProbePlan.read(files, Map.of()), pin);
    } catch (ProbeRejected e) {
      giveUp(name, pin, e);
      return Optional.empty();
    }
  }

  private void giveUp(String name, Pin pin, RuntimeException e) {
    LOG.warn("probe {}: what waited in its channel is lost: {}", name, e.getMessage());
    settings.pins().ifPresent(pins -> pins.delete(name, pin));
  }

  private AgentFields fields(long epoch) {
    return new AgentFields(hostId, bootId, epoch, clockOffset.getAsLong(), codeNames);
  }

  private static String nothingHere(HooksRefused e) {
    return "this kernel has none of its hooks: "
        + e.refused().stream().map(Refusal::hook).distinct().collect(Collectors.joining(", "));
  }

  private void unload(Probe probe) {
    probe.last = stop(probe.running);
    probe.running = null;
  }

  private List<ProbeReport> stop(ProbeLife ending) {
    List<ProbeReport> last;
    synchronized (draining) {
      running.remove(ending);
      last = ending.stop().stream().map(report -> report.with(new Stopped())).toList();
    }
    settings
        .pins()
        .ifPresent(pins -> ending.pin().ifPresent(pin -> pins.delete(ending.name(), pin)));
    last.forEach(sink::ended);
    return last;
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
