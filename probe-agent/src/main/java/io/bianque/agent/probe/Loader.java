package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.BpfLink;
import io.bianque.agent.libbpf.BpfMap;
import io.bianque.agent.libbpf.BpfObject;
import io.bianque.agent.libbpf.BpfProgram;
import io.bianque.agent.libbpf.EventChannel;
import io.bianque.agent.libbpf.KernelMap;
import io.bianque.agent.libbpf.KernelProgram;
import io.bianque.agent.libbpf.PerfBuffer;
import io.bianque.agent.libbpf.RingBuffer;
import io.bianque.agent.probe.Hook.Variant;
import io.bianque.agent.probe.InKernel.Attachment;
import io.bianque.agent.probe.ProbeState.Refusal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Brings a probe into the kernel: of each hook the first variant that the kernel takes. */
final class Loader {
  private static final String PERF = "events_perf";

  /** The section of programs that run so often a second. */
  private static final String ON_CLOCKS = "perf_event";

  private final ProbePlan plan;
  private final ProbeSettings settings;
  private final boolean perf;
  private final List<Refusal> refused = new ArrayList<>();
  private Runnable beforeAttaching = () -> {};

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
   * @param beforeAttaching called when all that takes time is done; more than once where variants
   *     have to be tried
   * @throws HooksRefused when no variant of some hook holds that the probe needs, or of none
   * @throws ProbeRejected when the object lacks what such a probe has
   */
  InKernel load(Runnable beforeAttaching) {
    this.beforeAttaching = beforeAttaching;
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
    try (BpfObject object = BpfObject.open(plan.name(), plan.object());
        Holding holding = new Holding()) {
      Set<String> wanted = variants.stream().map(Variant::program).collect(Collectors.toSet());
      object.programs().forEach(p -> p.autoload(wanted.contains(p.name())));
      prepareMaps(object);
      int sampleHertz = (int) tunable(object, Tunables.SAMPLE_HERTZ);
      object.load();
      for (String name : mapNames()) {
        object.map(name).ifPresent(map -> holding.maps.put(name, map.inKernel()));
      }
      // Before the programs run: what they say to a perf event array without rings is lost.
      holding.channel = plan.events().map(_ -> openChannel(object, holding.maps));
      List<PolledMap> polled = polled(plan, holding.maps);
      beforeAttaching.run();
      for (BpfProgram program : object.programs()) {
        if (wanted.contains(program.name())) {
          BpfLink link =
              program.section().equals(ON_CLOCKS)
                  ? program.attachToClocks(sampleHertz)
                  : program.attach();
          holding.links.add(link);
          KernelProgram inKernel = program.inKernel();
          holding.programs.add(inKernel);
          holding.attachments.add(new Attachment(program.name(), inKernel, link));
        }
      }
      String hook = variants.stream().map(Variant::section).collect(Collectors.joining(", "));
      return holding.keep(polled, hook, perf, List.copyOf(refused), Optional.empty());
    }
  }

  /**
   * Takes over a probe that an earlier run of the agent left in the kernel.
   *
   * @param plan of the files that it was loaded from
   * @throws BpfException when one of its parts cannot be had
   */
  static InKernel adopt(ProbePlan plan, Pin pin) {
    try (Holding holding = new Holding()) {
      for (String name : pin.maps()) {
        holding.maps.put(name, KernelMap.open(pin.map(name)));
      }
      holding.channel =
          plan.events().map(_ -> RingBuffer.open(map(plan.name(), holding.maps, InKernel.RING)));
      List<PolledMap> polled = polled(plan, holding.maps);
      List<String> sections = new ArrayList<>();
      for (Variant variant :
          plan.hooks().stream().flatMap(hook -> hook.variants().stream()).toList()) {
        if (pin.programs().contains(variant.program())) {
          sections.add(variant.section());
          BpfLink link = BpfLink.open(pin.link(variant.program()));
          holding.links.add(link);
          KernelProgram program = KernelProgram.open(pin.program(variant.program()));
          holding.programs.add(program);
          holding.attachments.add(new Attachment(variant.program(), program, link));
        }
      }
      return holding.keep(polled, String.join(", ", sections), false, List.of(), Optional.of(pin));
    }
  }

  private static List<PolledMap> polled(ProbePlan plan, Map<String, KernelMap> maps) {
    List<PolledMap> polled = new ArrayList<>();
    for (PolledPlan each : plan.polled()) {
      Account account =
          new Account(
              Optional.ofNullable(maps.get(InKernel.ACCOUNT)),
              InKernel.FIRST_POLLED + polled.size());
      polled.add(new PolledMap(each, map(plan.name(), maps, each.map()).reader(), account));
    }
    return List.copyOf(polled);
  }

  /** Of the object's maps those that the agent reads. */
  private List<String> mapNames() {
    List<String> names = new ArrayList<>(List.of(InKernel.POLLED_MISSED, InKernel.ACCOUNT));
    if (plan.events().isPresent()) {
      names.addAll(List.of(perf ? PERF : InKernel.RING, InKernel.COUNTERS));
    }
    plan.polled().forEach(each -> names.add(each.map()));
    return names;
  }

  private EventChannel openChannel(BpfObject object, Map<String, KernelMap> maps) {
    map(plan.name(), maps, InKernel.COUNTERS);
    return perf
        ? PerfBuffer.open(map(plan.name(), maps, PERF), channelBytes(object))
        : RingBuffer.open(map(plan.name(), maps, InKernel.RING));
  }

  /** What was opened so far; closed again unless it is kept. */
  private static final class Holding implements AutoCloseable {
    final Map<String, KernelMap> maps = new LinkedHashMap<>();
    final List<BpfLink> links = new ArrayList<>();
    final List<KernelProgram> programs = new ArrayList<>();
    final List<Attachment> attachments = new ArrayList<>();
    Optional<EventChannel> channel = Optional.empty();
    private boolean kept;

    InKernel keep(
        List<PolledMap> polled,
        String hook,
        boolean perf,
        List<Refusal> refused,
        Optional<Pin> pin) {
      kept = true;
      return new InKernel(
          List.copyOf(attachments),
          maps,
          channel,
          polled,
          new ProbeState.Attached(
              hook, channel.isEmpty() ? "none" : perf ? "perf" : "ringbuf", refused),
          pin,
          pin.isPresent());
    }

    @Override
    public void close() {
      if (!kept) {
        links.forEach(BpfLink::close);
        channel.ifPresent(EventChannel::close);
        programs.forEach(KernelProgram::close);
        maps.values().forEach(KernelMap::close);
      }
    }
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
    object.map(InKernel.RING).ifPresent(m -> m.autocreate(!perf));
    object.map(PERF).ifPresent(m -> m.autocreate(perf));
    if (!perf) {
      map(object, InKernel.RING).maxEntries(channelBytes(object));
    }
  }

  /** What it is set to; 0 when the probe has none of that name. */
  private long tunable(BpfObject object, String name) {
    return object.map(Tunables.SECTION).stream()
        .flatMapToLong(map -> plan.tunables().read(map.initialValue(), name).stream())
        .findFirst()
        .orElse(0);
  }

  private int channelBytes(BpfObject object) {
    long own = tunable(object, Tunables.CHANNEL_BYTES);
    if (own == 0) {
      return perf
          ? settings.perfRingBytes()
          : settings.ringBufferBytes(Runtime.getRuntime().availableProcessors());
    }
    if (!ProbeSettings.isChannelSize(own)) {
      throw new ProbeRejected(
          "probe %s: channel_bytes = %d; allowed is a power of two from %d to %d, or 0"
              .formatted(plan.name(), own, ProbeSettings.PAGE, ProbeSettings.MOST_CHANNEL_BYTES));
    }
    return (int) own;
  }

  private static BpfMap map(BpfObject object, String name) {
    return object.map(name).orElseThrow(() -> missing(object.name(), name));
  }

  private static KernelMap map(String probe, Map<String, KernelMap> maps, String name) {
    return Optional.ofNullable(maps.get(name)).orElseThrow(() -> missing(probe, name));
  }

  private static ProbeRejected missing(String probe, String map) {
    return new ProbeRejected(
        "probe %s: its object has no map %s; include channel.h, as docs/probe-authors.md says"
            .formatted(probe, map));
  }

  /**
   * A variant tried alone.
   *
   * @param refusal why it does not hold
   */
  record Trial(Hook hook, Variant variant, Optional<Refusal> refusal) {}
}
