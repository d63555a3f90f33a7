package io.bianque.streams.container;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.bianque.facts.Container;
import io.bianque.schemas.raw.CgroupId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Cgroups of the hosts in this task's partition. For one thread, the task's.
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

  private static final Answer NOTHING = new Answer.Nothing();
  private static final Answer NEVER = new Answer.Never();

  private final KeyValueStore<String, byte[]> store;
  private final Function<byte[], Container> reader;
  private final Map<String, OptionalLong> newestIds = new HashMap<>();
  private final Cache<String, Container> containers =
      Caffeine.newBuilder().maximumSize(CACHED).executor(Runnable::run).build();

  /**
   * @param reader reads what {@link #put} was given
   */
  public ContainerStore(KeyValueStore<String, byte[]> store, Function<byte[], Container> reader) {
    this.store = store;
    this.reader = reader;
  }

  private static String hierarchyKey(String hostId, String bootId, String hierarchy) {
    return hostId + "/" + bootId + "/" + hierarchy + "/";
  }

  /** Of one length, so that the store's order is that of the numbers. */
  private static String key(String hierarchyKey, long cgroupId) {
    return hierarchyKey + HexFormat.of().toHexDigits(cgroupId);
  }

  /**
   * Takes a record, unless a newer one of that cgroup is there.
   *
   * @param bytes the same record in the wire format
   */
  public void put(Container container, byte[] bytes) {
    String hierarchy =
        hierarchyKey(container.getHostId(), container.getBootId(), container.getHierarchy());
    String key = key(hierarchy, container.getCgroupId());
    Optional<Container> before = find(key);
    if (before.isPresent() && before.get().getObservedAt().isAfter(container.getObservedAt())) {
      return;
    }
    OptionalLong newest = newestId(hierarchy);
    if (newest.isEmpty() || Long.compareUnsigned(newest.getAsLong(), container.getCgroupId()) < 0) {
      newestIds.put(hierarchy, OptionalLong.of(container.getCgroupId()));
    }
    store.put(key, bytes);
    containers.put(key, container);
  }

  /** What is known of the cgroup with that id during that boot. */
  public Answer find(String hostId, String bootId, CgroupId meaning, long cgroupId) {
    if (cgroupId == NONE || cgroupId == ROOT) {
      return NOTHING;
    }
    Answer answer = new Answer.HostIsSilent(hostId + "/" + bootId);
    for (String name : meaning.hierarchies()) {
      Optional<String> hierarchy = hierarchyOf(hostId, bootId, name);
      if (hierarchy.isPresent()) {
        String hierarchyKey = hierarchyKey(hostId, bootId, hierarchy.get());
        Optional<Container> found = find(key(hierarchyKey, cgroupId));
        if (found.isPresent()) {
          return new Answer.Known(found.get());
        }
        OptionalLong newest = newestId(hierarchyKey);
        boolean passed =
            newest.isPresent() && Long.compareUnsigned(cgroupId, newest.getAsLong()) <= 0;
        answer =
            passed && !(answer instanceof Answer.NotYet)
                ? NEVER
                : new Answer.NotYet(key(hierarchyKey, cgroupId));
      }
    }
    return answer;
  }

  /**
   * The unified one, where that has the controller, else the controller's own; empty when the host
   * has told of neither.
   */
  private Optional<String> hierarchyOf(String hostId, String bootId, String name) {
    String unified = hierarchyKey(hostId, bootId, CgroupId.UNIFIED);
    OptionalLong newest = newestId(unified);
    if (newest.isPresent()) {
      List<String> controllers =
          find(key(unified, newest.getAsLong())).orElseThrow().getControllers();
      return Optional.of(controllers.contains(name) ? CgroupId.UNIFIED : name);
    }
    return newestId(hierarchyKey(hostId, bootId, name)).isPresent()
        ? Optional.of(name)
        : Optional.empty();
  }

  private Optional<Container> find(String key) {
    Container known = containers.getIfPresent(key);
    if (known != null) {
      return Optional.of(known);
    }
    byte[] stored = store.get(key);
    if (stored == null) {
      return Optional.empty();
    }
    Container container = reader.apply(stored);
    containers.put(key, container);
    return Optional.of(container);
  }

  private OptionalLong newestId(String hierarchyKey) {
    OptionalLong known = newestIds.get(hierarchyKey);
    if (known == null) {
      known = storedNewestId(hierarchyKey);
      newestIds.put(hierarchyKey, known);
    }
    return known;
  }

  private OptionalLong storedNewestId(String hierarchyKey) {
    try (KeyValueIterator<String, byte[]> downwards =
        store.reverseRange(key(hierarchyKey, 0), key(hierarchyKey, -1))) {
      return downwards.hasNext()
          ? OptionalLong.of(
              Long.parseUnsignedLong(downwards.next().key.substring(hierarchyKey.length()), 16))
          : OptionalLong.empty();
    }
  }

  /**
   * Forgets cgroups that were last told of that long before now: of those that are there, hosts
   * tell every hour.
   */
  public void forget(Duration age, Instant now) {
    List<String> old = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> entry = all.next();
        if (reader.apply(entry.value).getObservedAt().isBefore(now.minus(age))) {
          old.add(entry.key);
        }
      }
    }
    for (String key : old) {
      store.delete(key);
      containers.invalidate(key);
    }
    newestIds.clear();
  }
}
