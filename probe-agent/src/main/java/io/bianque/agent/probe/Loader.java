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
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/** Brings a probe into the kernel: of each hook the first variant that the kernel takes. */
final class Loader {
  private static final String PERF = "events_perf";

  /** The section of programs that run so often a second. */
  private static final String ON_CLOCKS = "perf_event";

  private final ProbePlan plan;
  private final ProbeSettings settings;
  private final boolean perf;
  private final Map<Variant, Refusal> refused = new HashMap<>();

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
    while (true) {
      List<Variant> chosen =
          plan.hooks().stream().flatMap(hook -> firstLeft(hook).stream()).toList();
      if (chosen.isEmpty()) {
        throw new HooksRefused(plan.name(), refusals(), true);
      }
      try {
        return attach(chosen, beforeAttaching);
      } catch (BpfException e) {
        refuse(chosen, e);
      }
    }
  }

  /** The variant of a hook to take; empty when the probe has to do without that hook. */
  private Optional<Variant> firstLeft(Hook hook) {
    Optional<Variant> first =
        hook.variants().stream().filter(variant -> !refused.containsKey(variant)).findFirst();
    if (first.isEmpty() && !hook.optional()) {
      throw new HooksRefused(plan.name(), refusals(), false);
    }
    return first;
  }

  /** What becomes of each variant when it is tried. */
  List<Trial> tryEach() {
    tryOut(plan.variants());
    return plan.hooks().stream()
        .flatMap(hook ->
            hook.variants().stream()
                .map(v -> new Trial(hook, v, Optional.ofNullable(refused.get(v)))))
        .toList();
  }

  /**
   * Attaches each for a moment. They are loaded together as far as that goes: libbpf reads the
   * kernel's types and symbols anew for each object, which is most of what a trial costs.
   */
  private void tryOut(List<Variant> variants) {
    if (variants.isEmpty()) {
      return;
    }
    try (BpfObject object = BpfObject.open(plan.name(), plan.object());
        Holding holding = new Holding()) {
      for (BpfProgram program : load(object, variants, holding)) {
        try {
          attach(object, program).close();
        } catch (BpfException e) {
          refuse(Variant.of(program), e);
        }
      }
    } catch (BpfException e) {
      Optional<Variant> culprit = culprit(variants, e);
      if (culprit.isPresent()) {
        refuse(culprit.get(), e);
        tryOut(variants.stream().filter(variant -> !refused.containsKey(variant)).toList());
      } else {
        tryEachAlone(variants);
      }
    }
  }

  private void tryEachAlone(List<Variant> variants) {
    variants.forEach(variant -> tryOut(List.of(variant)));
  }

  /** Refuses of those that cannot be had together at least one. */
  private void refuse(List<Variant> together, BpfException e) {
    int before = refused.size();
    culprit(together, e).ifPresentOrElse(one -> refuse(one, e), () -> tryEachAlone(together));
    if (refused.size() == before) {
      together.forEach(each -> refuse(each, e));
    }
  }

  /** Which of them it was; empty when that does not show. */
  private static Optional<Variant> culprit(List<Variant> together, BpfException e) {
    return together.size() == 1
        ? Optional.of(together.getFirst())
        : together.stream().filter(each -> e.isAbout(each.program())).findFirst();
  }

  private void refuse(Variant variant, BpfException e) {
    refused.put(
        variant, new Refusal(variant.section(), e.getMessage(), Remedy.of(variant.section(), e)));
  }

  /** In the order of the source. */
  private List<Refusal> refusals() {
    return plan.variants().stream().map(refused::get).filter(Objects::nonNull).toList();
  }

  private InKernel attach(List<Variant> variants, Runnable beforeAttaching) {
    try (BpfObject object = BpfObject.open(plan.name(), plan.object());
        Holding holding = new Holding()) {
      List<BpfProgram> programs = load(object, variants, holding);
      beforeAttaching.run();
      for (BpfProgram program : programs) {
        BpfLink link = attach(object, program);
        holding.links.add(link);
        KernelProgram inKernel = program.inKernel();
        holding.programs.add(inKernel);
        holding.attachments.add(new Attachment(program.name(), inKernel, link));
      }
      String hook = variants.stream().map(Variant::section).collect(Collectors.joining(", "));
      return holding.keep(hook, perf, refusals(), Optional.empty());
    }
  }

  /** Brings those variants into the kernel with all that they need, and returns their programs. */
  private List<BpfProgram> load(BpfObject object, List<Variant> variants, Holding holding) {
    object.programs().forEach(p -> p.autoload(variants.contains(Variant.of(p))));
    prepareMaps(object);
    object.load();
    for (String name : mapNames()) {
      object.map(name).ifPresent(map -> holding.maps.put(name, map.inKernel()));
    }
    // Before the programs run: what they say to a perf event array without rings is lost.
    holding.channel = plan.events().map(_ -> openChannel(object, holding.maps));
    holding.polled = polled(plan, holding.maps);
    return object.programs().stream().filter(p -> variants.contains(Variant.of(p))).toList();
  }

  private BpfLink attach(BpfObject object, BpfProgram program) {
    return program.section().equals(ON_CLOCKS)
        ? program.attachToClocks((int) tunable(object, Tunables.SAMPLE_HERTZ))
        : program.attach();
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
      holding.polled = polled(plan, holding.maps);
      List<String> sections = new ArrayList<>();
      for (Variant variant : plan.variants()) {
        if (pin.programs().contains(variant.program())) {
          sections.add(variant.section());
          BpfLink link = BpfLink.open(pin.link(variant.program()));
          holding.links.add(link);
          KernelProgram program = KernelProgram.open(pin.program(variant.program()));
          holding.programs.add(program);
          holding.attachments.add(new Attachment(variant.program(), program, link));
        }
      }
      return holding.keep(String.join(", ", sections), false, List.of(), Optional.of(pin));
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
    List<PolledMap> polled = List.of();
    private boolean kept;

    InKernel keep(String hook, boolean perf, List<Refusal> refused, Optional<Pin> pin) {
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
   * A variant that was tried.
   *
   * @param refusal why it does not hold
   */
  record Trial(Hook hook, Variant variant, Optional<Refusal> refusal) {}
}
