package io.bianque.agent.control;

import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.control.Requests.Known;
import io.bianque.agent.probe.ProbeState;
import io.bianque.agent.probe.ProbeState.Attached;
import io.bianque.agent.probe.ProbeState.Failed;
import io.bianque.agent.probe.ProbeState.Skipped;
import io.bianque.agent.probe.Probes;
import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlOutcome;
import io.bianque.facts.ControlRequest;
import io.bianque.facts.ControlResult;
import io.bianque.schemas.control.HostTraits;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds probes to what the requests want, and says what became of each. For one thread, but for
 * {@link #counts}.
 */
final class Control {
  private static final Logger LOG = LoggerFactory.getLogger(Control.class);

  private final AgentConfig config;
  private final Limits limits;
  private final HostTraits host;
  private final String hostName;
  private final Probes probes;
  private final Runnable probesChanged;
  private final Consumer<ControlOutcome> outcomes;

  private final Requests requests = new Requests();

  /** Came since the last {@link #settle}. */
  private final List<Known> fresh = new ArrayList<>();

  /** Of each probe that is not left to its configuration, what it was told to do. */
  private final Map<String, Wanted> told = new HashMap<>();

  private final Map<ControlResult, Long> counts = new EnumMap<>(ControlResult.class);

  /**
   * Begins with no request.
   *
   * @param probesChanged called after a probe was started or stopped
   * @param outcomes takes what is to be published
   */
  Control(
      AgentConfig config,
      HostTraits host,
      String hostName,
      Probes probes,
      Runnable probesChanged,
      Consumer<ControlOutcome> outcomes) {
    this.config = config;
    this.limits = new Limits(config.control());
    this.host = host;
    this.hostName = hostName;
    this.probes = probes;
    this.probesChanged = probesChanged;
    this.outcomes = outcomes;
  }

  /**
   * Takes a request of the topic. It has its effect with the next {@link #settle}.
   *
   * @param live whether it came while this agent ran; one that ended before is nobody's concern
   */
  void request(ControlRequest request, boolean live, Instant now) {
    if (requests.has(request)) {
      return;
    }
    var _ = requests.remove(request.getRequestId());
    if (!host.selectedBy(request.getSelector())) {
      return;
    }
    Instant endsAt = Requests.endsAt(request, now);
    Optional<String> refusal = refusal(request);
    if (refusal.isPresent()) {
      if (live || endsAt.isAfter(now)) {
        requests.put(new Known(request, endsAt, false));
        say(request, ControlResult.REFUSED, refusal, Optional.empty());
      }
    } else if (endsAt.isAfter(now)) {
      Known known = new Known(request, endsAt, true);
      requests.put(known);
      fresh.add(known);
    } else if (live) {
      say(
          request,
          ControlResult.EXPIRED,
          Optional.of("it ended at %s, and this host's clock says %s".formatted(endsAt, now)),
          Optional.empty());
    }
  }

  private Optional<String> refusal(ControlRequest request) {
    return limits
        .refusal(request)
        .or(() ->
            probes.refusal(
                request.getProbe(), configured(request.getProbe()).with(request.getTunables())));
  }

  /** A request is withdrawn. */
  void withdrawn(String id) {
    boolean unanswered = fresh.removeIf(each -> each.request().getRequestId().equals(id));
    Optional<Known> held = requests.remove(id);
    if (held.isPresent() && !unanswered) {
      settle(held.get().request().getProbe());
      say(held.get().request(), ControlResult.ENDED, Optional.of("withdrawn"), Optional.empty());
    }
  }

  /** Brings every probe to what is wanted of it now, and answers the requests that are new. */
  void settle(Instant now) {
    List<Known> ended = requests.removeEnded(now);
    fresh.removeAll(ended);
    Set<String> affected = new LinkedHashSet<>(told.keySet());
    requests.holding().forEach(each -> affected.add(each.request().getProbe()));
    affected.forEach(this::settle);
    for (Known each : ended) {
      say(each.request(), ControlResult.EXPIRED, Optional.of("its time is over"), Optional.empty());
    }
    fresh.forEach(this::answer);
    fresh.clear();
  }

  private void settle(String probe) {
    Wanted configured = configured(probe);
    Wanted wanted = Wanted.of(configured, requests.holding(probe));
    boolean again = wanted.running() && isStartedAnew(probe) && !isAttached(probe);
    if (wanted.equals(told.getOrDefault(probe, configured)) && !again) {
      return;
    }
    // With other constants it is another program: it ends one life and begins another.
    probes.stop(probe);
    if (wanted.running()) {
      probes.start(probe, wanted.tunables());
    }
    probesChanged.run();
    if (wanted.equals(configured)) {
      told.remove(probe);
    } else {
      told.put(probe, wanted);
    }
    LOG.info(
        "probe {}: {} {}: {}",
        probe,
        told.containsKey(probe) ? "controlled," : "as configured,",
        wanted.tunables(),
        probes.state(probe).map(Control::describe).orElse("gone"));
  }

  private boolean isStartedAnew(String probe) {
    return fresh.stream()
        .map(Known::request)
        .anyMatch(each -> each.getProbe().equals(probe) && each.getAction() == ControlAction.START);
  }

  private boolean isAttached(String probe) {
    return probes.state(probe).filter(Attached.class::isInstance).isPresent();
  }

  private Wanted configured(String probe) {
    Map<String, String> tunables = new HashMap<>();
    config.probe(probe).tunables().forEach((name, value) -> tunables.put(name, value.text()));
    return new Wanted(probes.startsByItself(probe), tunables);
  }

  private void answer(Known each) {
    ControlRequest request = each.request();
    ProbeState state = probes.state(request.getProbe()).orElseThrow();
    boolean isToRun =
        Wanted.of(configured(request.getProbe()), requests.holding(request.getProbe())).running();
    if (isToRun && !(state instanceof Attached)) {
      say(request, ControlResult.FAILED, reason(state), Optional.of(each.endsAt()));
      return;
    }
    boolean waits = request.getAction() == ControlAction.TUNE && !isToRun;
    say(
        request,
        ControlResult.APPLIED,
        waits
            ? Optional.of("the probe does not run; it is so when it is started")
            : Optional.empty(),
        Optional.of(each.endsAt()));
  }

  private void say(
      ControlRequest request,
      ControlResult result,
      Optional<String> reason,
      Optional<Instant> endsAt) {
    synchronized (counts) {
      counts.merge(result, 1L, Long::sum);
    }
    LOG.info(
        "control request {} of {}, {} {}: {}{}",
        request.getRequestId(),
        request.getSentBy(),
        request.getAction(),
        request.getProbe(),
        result,
        reason.map(words -> ": " + words).orElse(""));
    outcomes.accept(
        ControlOutcome.newBuilder()
            .setRequestId(request.getRequestId())
            .setHostId(host.hostId())
            .setHostName(hostName)
            .setTime(Instant.now())
            .setProbe(request.getProbe())
            .setOutcome(result)
            .setReason(reason.orElse(null))
            .setProbeState(probes.state(request.getProbe()).map(Control::word).orElse(null))
            .setEndsAt(endsAt.orElse(null))
            .build());
  }

  private static Optional<String> reason(ProbeState state) {
    return switch (state) {
      case Failed failed -> Optional.of(failed.reason());
      case Skipped skipped -> Optional.of(skipped.reason());
      case Attached _, ProbeState.Stopped _ -> Optional.empty();
    };
  }

  private static String describe(ProbeState state) {
    return word(state) + reason(state).map(words -> ": " + words).orElse("");
  }

  private static String word(ProbeState state) {
    return state.getClass().getSimpleName().toLowerCase(Locale.ROOT);
  }

  /** Those that hold now. */
  List<Known> holding() {
    return requests.holding();
  }

  /** When the next request ends. */
  Optional<Instant> nextEnd() {
    return requests.nextEnd();
  }

  /** What was said so far, by outcome. Any thread. */
  Map<ControlResult, Long> counts() {
    synchronized (counts) {
      return Map.copyOf(counts);
    }
  }
}
