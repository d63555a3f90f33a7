package io.bianque.agent.container;

import io.bianque.agent.container.CgroupEvents.Change;
import io.bianque.agent.container.CgroupWalk.Found;
import io.bianque.agent.host.HostRoot;
import io.bianque.facts.Container;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Knows every cgroup of the host from its start until a day after its end, over restarts of the
 * agent and of the host. For one thread at a time, but for {@link #report}.
 */
public final class ContainerWatch {
  private static final Logger LOG = LoggerFactory.getLogger(ContainerWatch.class);

  /** From a cgroup's end until its tombstone. */
  private static final Duration REMEMBERED = Duration.ofDays(1);

  /** Of those that have ended; one more buries the first of them before its time. */
  private static final int MOST_REMEMBERED = 5_000;

  /** A runtime makes the cgroup first, and its files soon after. */
  private static final Duration FILES_COME_WITHIN = Duration.ofSeconds(30);

  /** What is lost when the agent is killed: ends that nobody tells of. */
  private static final Duration KEPT_EVERY = Duration.ofSeconds(10);

  /** A watch takes 0.2 KB here, and keeps an inode in the kernel. */
  private static final int MOST_WATCHED = 2_000;

  /** Hundreds may come at once, as with a host's start; but what never ends must cost little. */
  private static final int EVENTS_AT_ONCE = 500;

  private static final int EVENTS_A_SECOND = 20;

  private final HostRoot host;
  private final String hostId;
  private final String bootId;
  private final InstantSource clock;
  private final CgroupWalk walk = new CgroupWalk();
  private final CgroupEvents events =
      new CgroupEvents(
          walk, MOST_WATCHED, new Allowance(EVENTS_AT_ONCE, EVENTS_A_SECOND, System::nanoTime));
  private final RuntimeFiles files;
  private final KnownContainers known;
  private final Map<String, Instant> filesUntil = new HashMap<>();

  private List<Hierarchy> hierarchies = List.of();
  private Map<String, Container> held = new LinkedHashMap<>();
  private long skippedBeforeLook;
  private Instant keptAt;
  private boolean moved;
  private boolean saidIncomplete;
  private volatile Report report = new Report(0, 0, 0, 0, true, new Told(0, 0, 0, 0), Map.of());

  /**
   * Something to publish.
   *
   * @param container null for a tombstone
   */
  public record Said(String key, Container container) {}

  /**
   * What became of the folders of which the kernel told that they came.
   *
   * @param watched cgroups, below which it tells now
   * @param found there
   * @param gone before they could be looked at
   * @param skipped because too many came at once; a look may have found them later
   */
  public record Told(long watched, long found, long gone, long skipped) {}

  /**
   * What the watch has come to.
   *
   * @param cgroups that are there
   * @param containers of these
   * @param lookNanos that all looks took together
   * @param complete whether the last look saw all cgroups
   * @param told what the kernel told between looks
   * @param troubles how often a runtime's file was there and said nothing, by kind
   */
  public record Report(
      long cgroups,
      long containers,
      long looks,
      long lookNanos,
      boolean complete,
      Told told,
      Map<String, Long> troubles) {
    public Report {
      troubles = Map.copyOf(troubles);
    }
  }

  /**
   * @param stateFile where what is known outlives the agent
   */
  public ContainerWatch(
      HostRoot host, String hostId, String bootId, Path stateFile, InstantSource clock) {
    this.host = host;
    this.hostId = hostId;
    this.bootId = bootId;
    this.clock = clock;
    this.files = new RuntimeFiles(host);
    this.known = new KnownContainers(stateFile);
    this.keptAt = clock.instant();
    // The agent may have ended before a container's files came.
    known.all().keySet().forEach(key -> filesUntil.put(key, keptAt.plus(FILES_COME_WITHIN)));
  }

  /** A record's key: events of a host meet those whose key begins with the host's id. */
  static String key(Container container) {
    return key(
        container.getHostId(),
        container.getBootId(),
        container.getHierarchy(),
        container.getCgroupId());
  }

  private String key(Found cgroup) {
    return key(hostId, bootId, cgroup.hierarchy().name(), cgroup.id());
  }

  private static String key(String hostId, String bootId, String hierarchy, long cgroupId) {
    return hostId + "/" + bootId + "/" + hierarchy + "/" + Long.toUnsignedString(cgroupId);
  }

  /**
   * Looks at all cgroups; what has changed since the last look, in the order of ids: who has a
   * cgroup's record has those of all that were there before it.
   */
  public List<Said> look() {
    long began = System.nanoTime();
    Instant now = clock.instant();
    if (hierarchies.isEmpty()) {
      hierarchies = Hierarchy.mounted(host);
    }
    files.lookAgain();
    skippedBeforeLook = events.told().skipped();
    events.beginWalk(hierarchies);
    CgroupWalk.Result result = walk.walk(hierarchies, events);
    events.endWalk(result.complete());
    Map<String, Container> changed = takeHeld();
    Set<String> there = new HashSet<>();
    for (Found each : result.cgroups()) {
      String key = key(each);
      there.add(key);
      take(key, each, now, changed);
    }
    // Of a part of them nobody can tell which have gone.
    if (result.complete()) {
      end(there, now, changed);
    }
    // Some came while others were looked at that are newer.
    apply(events.ready(), now, held);
    if (tellsOfAll()) {
      changed.putAll(takeHeld());
    }
    List<Said> said = said(changed);
    said.addAll(forget(now));
    keepWhenDue(now, !said.isEmpty());
    sayIncomplete(result.complete());
    report(result.cgroups().size(), result.complete(), System.nanoTime() - began);
    return said;
  }

  /**
   * Takes what the kernel told between two looks; what has changed by it, in the order of ids. When
   * some were skipped, nothing before the next look, which tells of them too: who has a cgroup's
   * record has those of all that came before.
   */
  List<Said> heed(List<Change> changes) {
    files.lookAgain();
    apply(changes, clock.instant(), held);
    moved |= !changes.isEmpty();
    return tellsOfAll() ? said(takeHeld()) : List.of();
  }

  /** Whether none was skipped since the last look began. */
  private boolean tellsOfAll() {
    return events.told().skipped() == skippedBeforeLook;
  }

  private void apply(List<Change> changes, Instant now, Map<String, Container> changed) {
    for (Change each : changes) {
      switch (each) {
        case Change.Came(Found cgroup) -> take(key(cgroup), cgroup, now, changed);
        case Change.Went(Found cgroup) -> {
          Container container = known.all().get(key(cgroup));
          if (container != null && container.getEndedAt() == null) {
            end(key(cgroup), container, now, changed);
          }
        }
      }
    }
  }

  private Map<String, Container> takeHeld() {
    Map<String, Container> taken = held;
    held = new LinkedHashMap<>();
    return taken;
  }

  /** To be opened by who {@link #heed heeds} them. */
  CgroupEvents events() {
    return events;
  }

  /** All that is known, to be published once more: those that have ended too. */
  public List<Said> all() {
    Instant now = clock.instant();
    known
        .all()
        .values()
        .forEach(each -> {
          if (each.getEndedAt() == null) {
            each.setObservedAt(now);
          }
        });
    return said(known.all());
  }

  /** Writes what is known to the state file. */
  public void keep() {
    keptAt = clock.instant();
    moved = false;
    known.write();
  }

  public Report report() {
    return report;
  }

  private Container container(Found found, Instant now) {
    CgroupPath path = CgroupPath.parse(found.path());
    return Container.newBuilder()
        .setHostId(hostId)
        .setBootId(bootId)
        .setHierarchy(found.hierarchy().name())
        .setCgroupId(found.id())
        .setControllers(found.hierarchy().controllers())
        .setPath(found.path())
        .setObservedAt(now)
        .setStartedAt(found.since().isBefore(now) ? found.since() : now)
        .setContainerId(path.containerId().orElse(null))
        .setContainerName(path.isNamedByItsId() ? path.containerId().orElse(null) : null)
        .setContainerRuntime(path.runtime().orElse(null))
        .setPodUid(path.podUid().orElse(null))
        .setPodQos(path.qos().orElse(null))
        .setSystemdUnit(path.unit().orElse(null))
        .setSystemdSlice(path.slice().orElse(null))
        .build();
  }

  private void take(String key, Found seen, Instant now, Map<String, Container> changed) {
    Container before = known.all().get(key);
    // A cgroup of v1 can be renamed.
    boolean same = before != null && before.getPath().equals(seen.path());
    if (same && before.getEndedAt() == null && !wantsFiles(key, before, now)) {
      return;
    }
    Container newest = same ? Container.newBuilder(before).build() : container(seen, now);
    newest.setEndedAt(null);
    newest.setObservedAt(now);
    if (before != null) {
      newest.setStartedAt(before.getStartedAt());
    } else {
      filesUntil.put(key, now.plus(FILES_COME_WITHIN));
    }
    describe(newest);
    if (!newest.equals(observed(before, now))) {
      known.all().put(key, newest);
      changed.put(key, newest);
    }
  }

  private static Container observed(Container container, Instant at) {
    if (container == null) {
      return null;
    }
    Container copy = Container.newBuilder(container).build();
    copy.setObservedAt(at);
    return copy;
  }

  /** Whether more may be found in files than is known, and it is not yet too late. */
  private boolean wantsFiles(String key, Container container, Instant now) {
    Instant until = filesUntil.get(key);
    if (until == null) {
      return false;
    }
    boolean lacks =
        (container.getContainerId() != null && container.getContainerName() == null)
            || (container.getPodUid() != null && container.getPodName() == null);
    if (!lacks || now.isAfter(until)) {
      filesUntil.remove(key);
    }
    return lacks;
  }

  private void describe(Container container) {
    Optional<String> podUid = Optional.ofNullable(container.getPodUid());
    Described found =
        container.getContainerId() != null
            ? files.container(container.getContainerId(), podUid)
            : podUid.map(files::pod).orElse(Described.NOTHING);
    found.name().ifPresent(container::setContainerName);
    found.image().ifPresent(container::setContainerImage);
    found.runtime().ifPresent(container::setContainerRuntime);
    if (container.getPodUid() == null) {
      container.setPodUid(found.podUid().orElse(null));
    }
    found.podName().ifPresent(container::setPodName);
    found.podNamespace().ifPresent(container::setPodNamespace);
    if (!found.labels().isEmpty()) {
      container.setLabels(found.labels());
    }
  }

  private void end(Set<String> there, Instant now, Map<String, Container> changed) {
    known
        .all()
        .forEach((key, container) -> {
          if (container.getEndedAt() == null && !there.contains(key)) {
            end(key, container, now, changed);
          }
        });
  }

  private void end(String key, Container container, Instant now, Map<String, Container> changed) {
    if (wantsFiles(key, container, now)) {
      // It may have been too short for its files to come before it was first seen.
      describe(container);
    }
    container.setEndedAt(now);
    container.setObservedAt(now);
    filesUntil.remove(key);
    changed.put(key, container);
  }

  private List<Said> forget(Instant now) {
    List<Said> tombstones = new ArrayList<>();
    long tooMany =
        known.all().values().stream().filter(each -> each.getEndedAt() != null).count()
            - MOST_REMEMBERED;
    Iterator<Map.Entry<String, Container>> each = known.all().entrySet().iterator();
    while (each.hasNext()) {
      Map.Entry<String, Container> entry = each.next();
      Instant ended = entry.getValue().getEndedAt();
      if (ended != null && (tooMany-- > 0 || ended.plus(REMEMBERED).isBefore(now))) {
        tombstones.add(new Said(entry.getKey(), null));
        each.remove();
      }
    }
    return tombstones;
  }

  /** Copies: what was said must not change while it waits to be sent. */
  private static List<Said> said(Map<String, Container> containers) {
    List<Said> said = new ArrayList<>();
    containers.entrySet().stream()
        .sorted(Comparator.comparing(each -> each.getValue().getCgroupId(), Long::compareUnsigned))
        .forEach(each ->
            said.add(new Said(each.getKey(), Container.newBuilder(each.getValue()).build())));
    return said;
  }

  private void keepWhenDue(Instant now, boolean changed) {
    moved |= changed;
    if (moved && !now.isBefore(keptAt.plus(KEPT_EVERY))) {
      keep();
    }
  }

  private void sayIncomplete(boolean complete) {
    if (!complete && !saidIncomplete) {
      LOG.warn(
          "not all cgroups are known: there are more than {}, or {} cannot be listed",
          CgroupWalk.MOST,
          hierarchies.stream().map(each -> each.root().toString()).toList());
    }
    saidIncomplete = !complete;
  }

  private void report(long cgroups, boolean complete, long nanos) {
    long containers =
        known.all().values().stream()
            .filter(each -> each.getEndedAt() == null && each.getContainerId() != null)
            .map(Container::getContainerId)
            .distinct()
            .count();
    Map<String, Long> troubles = new HashMap<>();
    files
        .troubles()
        .forEach((kind, times) -> troubles.put(kind.name().toLowerCase(Locale.ROOT), times));
    Report before = report;
    report =
        new Report(
            cgroups,
            containers,
            before.looks() + 1,
            before.lookNanos() + nanos,
            complete,
            events.told(),
            troubles);
  }
}
