package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.BpfLink;
import io.bianque.agent.libbpf.BpfMap;
import io.bianque.agent.libbpf.BpfObject;
import io.bianque.agent.libbpf.BpfProgram;
import io.bianque.agent.libbpf.EventChannel;
import io.bianque.agent.libbpf.PerfBuffer;
import io.bianque.agent.libbpf.RingBuffer;
import io.bianque.agent.probe.Hook.Variant;
import io.bianque.agent.probe.ProbeState.Refusal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Brings a probe into the kernel: of each hook the first variant that the kernel takes. */
final class Loader {
  private static final String RING = "events";
  private static final String PERF = "events_perf";

  private final ProbePlan plan;
  private final ProbeSettings settings;
  private final boolean perf;
  private final List<Refusal> refused = new ArrayList<>();

  Loader(ProbePlan plan, ProbeSettings settings) {
    this.plan = plan;
    this.settings = settings;
    this.perf =
        switch (settings.channel()) {
          case AUTO -> !RingBuffer.isSupported();
          case RINGBUF -> false;
          case PERF -> true;
        };
  }

  /**
   * Loads and attaches.
   *
   * @throws HooksRefused when no variant of some hook holds that the probe needs, or of none
   * @throws ProbeRejected when the object lacks what such a probe has
   */
  InKernel load() {
    List<Variant> chosen = plan.hooks().stream().map(h -> h.variants().getFirst()).toList();
    try {
      return attempt(chosen);
    } catch (BpfException first) {
      // Which program it was, libbpf says only in its log; so each hook is tried alone.
      List<Variant> holding =
          plan.hooks().stream().flatMap(hook -> firstThatHolds(hook).stream()).toList();
      if (holding.isEmpty()) {
        throw new HooksRefused(plan.name(), refused, true);
      }
      try {
        return attempt(holding);
      } catch (BpfException together) {
        holding.forEach(v -> refused.add(refusal(v, together)));
        throw new HooksRefused(plan.name(), refused, false);
      }
    }
  }

  /** What becomes of each variant when it is tried alone; empty: it holds. */
  List<Trial> tryEach() {
    return plan.hooks().stream()
        .flatMap(hook -> hook.variants().stream().map(variant -> trial(hook, variant)))
        .toList();
  }

  private Trial trial(Hook hook, Variant variant) {
    try {
      attempt(List.of(variant)).close();
      return new Trial(hook, variant, Optional.empty());
    } catch (BpfException e) {
      return new Trial(hook, variant, Optional.of(refusal(variant, e)));
    }
  }

  private Optional<Variant> firstThatHolds(Hook hook) {
    for (Variant variant : hook.variants()) {
      try {
        attempt(List.of(variant)).close();
        return Optional.of(variant);
      } catch (BpfException e) {
        refused.add(refusal(variant, e));
      }
    }
    if (!hook.optional()) {
      throw new HooksRefused(plan.name(), refused, false);
    }
    return Optional.empty();
  }

  private static Refusal refusal(Variant variant, BpfException e) {
    return new Refusal(variant.section(), e.getMessage(), Remedy.of(variant.section(), e));
  }

  private InKernel attempt(List<Variant> variants) {
    BpfObject object = BpfObject.open(plan.name(), plan.object());
    List<BpfLink> links = new ArrayList<>();
    Optional<EventChannel> channel = Optional.empty();
    try {
      Set<String> wanted = variants.stream().map(Variant::program).collect(Collectors.toSet());
      List<BpfProgram> programs =
          object.programs().stream().filter(p -> wanted.contains(p.name())).toList();
      object.programs().forEach(p -> p.autoload(wanted.contains(p.name())));
      prepareMaps(object);
      object.load();
      // Before the programs run: what they say to a perf event array without rings is lost.
      channel = plan.events().map(_ -> openChannel(object));
      List<PolledMap> polled =
          plan.polled().stream()
              .map(each -> new PolledMap(each, map(object, each.map()).reader()))
              .toList();
      for (BpfProgram program : programs) {
        links.add(program.attach());
      }
      String hook = variants.stream().map(Variant::section).collect(Collectors.joining(", "));
      return new InKernel(
          object,
          programs,
          List.copyOf(links),
          channel,
          channel.map(_ -> map(object, InKernel.COUNTERS)),
          polled,
          object.map(InKernel.POLLED_MISSED),
          new ProbeState.Attached(
              hook, channel.isEmpty() ? "none" : perf ? "perf" : "ringbuf", List.copyOf(refused)));
    } catch (RuntimeException e) {
      links.forEach(BpfLink::close);
      channel.ifPresent(EventChannel::close);
      object.close();
      throw e;
    }
  }

  private EventChannel openChannel(BpfObject object) {
    return perf
        ? PerfBuffer.open(map(object, PERF), channelBytes(object))
        : RingBuffer.open(map(object, RING));
  }

  private void prepareMaps(BpfObject object) {
    object.map(Tunables.SECTION).ifPresent(m -> plan.tunables().write(m.initialValue(), perf));
    if (plan.events().isPresent()) {
      prepareChannel(object);
    }
  }

  private void prepareChannel(BpfObject object) {
    if (perf && !plan.tunables().has(Tunables.USE_PERF_BUFFER)) {
      throw new ProbeRejected(
          "probe "
              + plan.name()
              + ": cannot use a perf event array, since its object has no constant "
              + Tunables.USE_PERF_BUFFER
              + "; set the channel to ringbuf");
    }
    object.map(RING).ifPresent(m -> m.autocreate(!perf));
    object.map(PERF).ifPresent(m -> m.autocreate(perf));
    if (!perf) {
      map(object, RING).maxEntries(channelBytes(object));
    }
  }

  private int channelBytes(BpfObject object) {
    long own =
        object.map(Tunables.SECTION).stream()
            .flatMapToLong(
                m -> plan.tunables().read(m.initialValue(), Tunables.CHANNEL_BYTES).stream())
            .findFirst()
            .orElse(0);
    if (own == 0) {
      return settings.channelBytes();
    }
    if (!ProbeSettings.isChannelSize(own)) {
      throw new ProbeRejected(
          "probe %s: channel_bytes = %d; allowed is a power of two from %d to %d, or 0"
              .formatted(plan.name(), own, ProbeSettings.PAGE, ProbeSettings.MOST_CHANNEL_BYTES));
    }
    return (int) own;
  }

  private static BpfMap map(BpfObject object, String name) {
    return object
        .map(name)
        .orElseThrow(() ->
            new ProbeRejected(
                "probe "
                    + object.name()
                    + ": its object has no map "
                    + name
                    + "; include channel.h, as docs/probe-authors.md says"));
  }

  /**
   * A variant tried alone.
   *
   * @param refusal why it does not hold
   */
  record Trial(Hook hook, Variant variant, Optional<Refusal> refusal) {}
}
