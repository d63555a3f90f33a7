package io.bianque.streams.container;

import io.bianque.facts.Container;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.raw.CgroupId;
import io.bianque.streams.cache.LruMap;
import io.bianque.streams.facts.FactsByTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Cgroups of the hosts in this task's partition. For one thread, the task's.
 *
 * <p>What a cgroup is may change, as when its container is renamed: an event is given what was so
 * at its own time.
 *
 * <p>A kernel counts a hierarchy's ids upwards and gives none twice in a boot (since 5.5), so host,
 * boot, hierarchy and id say which cgroup an event of any time is of. That a cgroup has ended is no
 * reason not to find it: besides events that come late, the kernel itself goes on counting for one
 * that was removed, when its dirty pages are written for one.
 */
public final class ContainerStore {
  private static final int CACHED = 5_000;

  /** All tasks of the initial cgroup, and none: nobody has more to say of these. */
  private static final long ROOT = 1;

  private static final long NONE = 0;

  /** What may be null: not known, or not so. */
  private static final List<Integer> FIELDS =
      EnrichedSchema.OF_CGROUP.stream()
          .filter(name -> !name.equals("cgroup_path"))
          .map(name -> Container.getClassSchema().getField(name).pos())
          .toList();

  /** What is known of an event's cgroup. */
  public sealed interface Answer {
    record Known(Container container) implements Answer {}

    /** The root of the hierarchy, or no cgroup. */
    record Nothing() implements Answer {}

    /** It came and went before the agent could look at it, and will not be known. */
    record Never() implements Answer {}

    /**
     * It is newer than all that the host has told of.
     *
     * @param cgroup that and no other, of any host
     */
    record NotYet(String cgroup) implements Answer {}

    /**
     * The host has told of none in this boot: its agent begins, or does not tell.
     *
     * @param boot that and no other, of any host
     */
    record HostIsSilent(String boot) implements Answer {}
  }

  private record Place(String hostId, String bootId, String hierarchy) {
    /** Before the ids in the store's keys. */
    String prefix() {
      return hostId + "/" + bootId + "/" + hierarchy + "/";
    }
  }

  /**
   * A hierarchy of one boot.
   *
   * @param newest id that the host has told of; empty when of none
   * @param controllers of the newest
   */
  private record Hierarchy(String prefix, OptionalLong newest, List<String> controllers) {
    boolean hasPassed(long cgroupId) {
      return newest.isPresent() && Long.compareUnsigned(cgroupId, newest.getAsLong()) <= 0;
    }

    boolean isNewest(long cgroupId) {
      return newest.isEmpty() || Long.compareUnsigned(cgroupId, newest.getAsLong()) >= 0;
    }

    Hierarchy with(long cgroupId, Container newest) {
      return new Hierarchy(prefix, OptionalLong.of(cgroupId), List.copyOf(newest.getControllers()));
    }
  }

  private record Cgroup(String prefix, long id) {}

  private static final Answer NOTHING = new Answer.Nothing();
  private static final Answer NEVER = new Answer.Never();

  private final KeyValueStore<String, byte[]> store;
  private final FactsByTime<Container, Container> containers;
  private final Map<Place, Hierarchy> hierarchies = new HashMap<>();
  private final Map<Cgroup, String> keys = new LruMap<>(CACHED);

  /**
   * @param reader reads what {@link #put} was given
   */
  public ContainerStore(KeyValueStore<String, byte[]> store, Function<byte[], Container> reader) {
    this.store = store;
    this.containers =
        new FactsByTime<>(
            store,
            reader,
            Container::getObservedAt,
            ContainerStore::addsTo,
            container -> container,
            CACHED);
  }

  /** A name that is read from a runtime's file later was the container's from its start. */
  private static boolean addsTo(Container before, Container now) {
    return before.getPath().equals(now.getPath())
        && FIELDS.stream()
            .allMatch(
                field -> before.get(field) == null || before.get(field).equals(now.get(field)))
        && now.getLabels().entrySet().containsAll(before.getLabels().entrySet());
  }

  /** In the store, of events' cgroups: the same few are asked for again and again. */
  private String key(Cgroup cgroup) {
    return keys.computeIfAbsent(cgroup, c -> key(c.prefix(), c.id()));
  }

  /** Of one length, so that the store's order is that of the numbers. */
  private static String key(String prefix, long cgroupId) {
    return prefix + HexFormat.of().toHexDigits(cgroupId);
  }

  /**
   * Takes a record, unless a newer one of that cgroup is there.
   *
   * @param bytes the same record in the wire format
   */
  public void put(Container container, byte[] bytes) {
    Place place = new Place(container.getHostId(), container.getBootId(), container.getHierarchy());
    long id = container.getCgroupId();
    boolean taken = containers.put(key(place.prefix(), id), container, bytes);
    hierarchies.computeIfPresent(
        place, (_, known) -> taken && known.isNewest(id) ? known.with(id, container) : known);
  }

  /**
   * What is known of the cgroup with that id at that time of that boot.
   *
   * @param timeNanos in ns since 1970
   */
  public Answer find(
      String hostId, String bootId, CgroupId meaning, long cgroupId, long timeNanos) {
    if (cgroupId == NONE || cgroupId == ROOT) {
      return NOTHING;
    }
    Answer answer = null;
    for (String name : meaning.hierarchies()) {
      Optional<Hierarchy> hierarchy = hierarchyOf(hostId, bootId, name);
      if (hierarchy.isPresent()) {
        String key = key(new Cgroup(hierarchy.get().prefix(), cgroupId));
        Optional<Container> found = containers.at(key, timeNanos);
        if (found.isPresent()) {
          return new Answer.Known(found.get());
        }
        answer =
            hierarchy.get().hasPassed(cgroupId) && !(answer instanceof Answer.NotYet)
                ? NEVER
                : new Answer.NotYet(key);
      }
    }
    return answer == null ? new Answer.HostIsSilent(hostId + "/" + bootId) : answer;
  }

  /**
   * The unified one, where that has the controller, else the controller's own; empty when the host
   * has told of neither.
   */
  private Optional<Hierarchy> hierarchyOf(String hostId, String bootId, String name) {
    Hierarchy unified = hierarchy(new Place(hostId, bootId, CgroupId.UNIFIED));
    if (unified.newest().isEmpty()) {
      return Optional.of(hierarchy(new Place(hostId, bootId, name)))
          .filter(own -> own.newest().isPresent());
    }
    return Optional.of(
        unified.controllers().contains(name)
            ? unified
            : hierarchy(new Place(hostId, bootId, name)));
  }

  private Hierarchy hierarchy(Place place) {
    Hierarchy known = hierarchies.get(place);
    if (known == null) {
      known = stored(place.prefix());
      hierarchies.put(place, known);
    }
    return known;
  }

  private Hierarchy stored(String prefix) {
    try (KeyValueIterator<String, byte[]> downwards =
        store.reverseRange(key(prefix, 0), key(prefix, -1))) {
      if (!downwards.hasNext()) {
        return new Hierarchy(prefix, OptionalLong.empty(), List.of());
      }
      String newest = downwards.next().key;
      return new Hierarchy(
          prefix,
          OptionalLong.of(Long.parseUnsignedLong(newest.substring(prefix.length()), 16)),
          List.copyOf(containers.newest(newest).orElseThrow().getControllers()));
    }
  }

  /**
   * Forgets cgroups that were last told of that long before now: of those that are there, hosts
   * tell every hour.
   */
  public void forget(Duration age, Instant now) {
    containers.forget(age, now);
    hierarchies.clear();
  }
}
