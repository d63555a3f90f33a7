package io.bianque.agent.container;

import io.bianque.agent.container.CgroupWalk.Found;
import io.bianque.agent.container.ContainerWatch.Told;
import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.Inotify;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which cgroups come and go, as the kernel tells by inotify: of one that lives for some
 * milliseconds too, which no walk would find. What is not told here, for want of watches or because
 * too many come at once, the next walk finds if it lives that long. For one thread.
 *
 * <p>The kernel tells of a folder that is made or removed in one that is watched, and does not tell
 * that a watched cgroup is itself removed (kernfs keeps the inode for the watch): so a watch ends
 * by what is told of the folder above, or by the next walk.
 */
final class CgroupEvents implements CgroupWalk.Visitor, Inotify.Listener, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CgroupEvents.class);

  /** Where events come without end, there are walks to be done and things to say. */
  private static final int READS_A_TURN = 16;

  /** What came or went, in the order in which the kernel told of it. */
  sealed interface Change {
    record Came(Found cgroup) implements Change {}

    record Went(Found cgroup) implements Change {}
  }

  private static final class Watch {
    private final int number;
    private final Found cgroup;
    private long enteredBy;

    Watch(int number, Found cgroup) {
      this.number = number;
      this.cgroup = cgroup;
    }
  }

  private final CgroupWalk walk;
  private final int most;
  private final Allowance allowance;
  private final Map<String, Watch> byPlace = new HashMap<>();
  private final Map<Integer, Watch> byNumber = new HashMap<>();
  private Inotify inotify;
  private List<Change> changes = new ArrayList<>();
  private long walks;
  private int roots;
  private boolean full;
  private boolean saidFull;
  private long found;
  private long gone;
  private long skipped;

  /**
   * Tells nothing before {@link #open}.
   *
   * @param most cgroups to watch
   * @param allowance of new cgroups to look at
   */
  CgroupEvents(CgroupWalk walk, int most, Allowance allowance) {
    this.walk = walk;
    this.most = most;
    this.allowance = allowance;
  }

  /** Begins; watches nothing before the first {@link #beginWalk}. */
  void open() {
    try {
      inotify = new Inotify();
    } catch (BpfException e) {
      LOG.warn(
          "cgroups that come and go between two looks stay unknown: {};"
              + " more inotify instances: sysctl fs.inotify.max_user_instances",
          e.getMessage());
    }
  }

  /** A walk of all cgroups begins, which {@link #enters} each. */
  void beginWalk(List<Hierarchy> hierarchies) {
    walks++;
    full = false;
    roots = hierarchies.size();
    for (Hierarchy each : hierarchies) {
      boolean _ = enters(new Found(each, 0, "", Instant.EPOCH));
    }
  }

  @Override
  public boolean enters(Found cgroup) {
    if (inotify == null) {
      return false;
    }
    Watch before = byPlace.get(place(cgroup));
    if (before != null && before.cgroup.id() == cgroup.id()) {
      before.enteredBy = walks;
      return false;
    }
    if (before != null) {
      end(before);
    }
    OptionalInt number = number(cgroup);
    if (number.isEmpty()) {
      return false;
    }
    Watch watch = new Watch(number.getAsInt(), cgroup);
    watch.enteredBy = walks;
    byPlace.put(place(cgroup), watch);
    byNumber.put(watch.number, watch);
    return true;
  }

  /**
   * A walk ends.
   *
   * @param complete whether it entered all that there are
   */
  void endWalk(boolean complete) {
    if (complete) {
      byPlace.values().stream().filter(each -> each.enteredBy != walks).toList().forEach(this::end);
    }
    saidFull &= full;
  }

  /** Waits for changes, and takes all that there are by then. */
  List<Change> next(Duration atMost) throws InterruptedException {
    if (inotify == null) {
      Thread.sleep(atMost);
    }
    return take(atMost);
  }

  /** Those that there are by now. */
  List<Change> ready() {
    return take(Duration.ZERO);
  }

  private List<Change> take(Duration atMost) {
    changes = new ArrayList<>();
    boolean more = inotify != null && inotify.read(atMost, this);
    for (int left = READS_A_TURN; more && left > 0; left--) {
      more = inotify.read(Duration.ZERO, this);
    }
    return changes;
  }

  Told told() {
    return new Told(watched(), found, gone, skipped);
  }

  @Override
  public void close() {
    if (inotify != null) {
      inotify.close();
    }
  }

  @Override
  public void came(int number, String name) {
    Watch above = byNumber.get(number);
    if (!allowance.take()) {
      skipped++;
      return;
    }
    List<Found> there =
        above == null
            ? List.of()
            : walk.at(above.cgroup.hierarchy(), above.cgroup.path() + "/" + name, this);
    there.forEach(each -> changes.add(new Change.Came(each)));
    if (there.isEmpty()) {
      gone++;
    } else {
      found++;
    }
  }

  @Override
  public void went(int number, String name) {
    Watch above = byNumber.get(number);
    Watch watch = above == null ? null : byPlace.get(place(above.cgroup) + "/" + name);
    if (watch != null) {
      end(watch);
      changes.add(new Change.Went(watch.cgroup));
    }
  }

  @Override
  public void overflowed() {
    skipped++;
  }

  private static String place(Found cgroup) {
    return cgroup.hierarchy().name() + cgroup.path();
  }

  /** Without the roots. */
  private int watched() {
    return Math.max(0, byPlace.size() - roots);
  }

  private void end(Watch watch) {
    byPlace.remove(place(watch.cgroup));
    // A cgroup that was renamed (v1) has the same number by its new name.
    if (byNumber.remove(watch.number, watch)) {
      inotify.end(watch.number);
    }
  }

  private OptionalInt number(Found cgroup) {
    if (!full && watched() >= most) {
      full("that is the limit here");
    }
    if (full) {
      return OptionalInt.empty();
    }
    try {
      return inotify.watch(cgroup.folder());
    } catch (BpfException e) {
      full(e.getMessage() + "; more of them: sysctl fs.inotify.max_user_watches");
      return OptionalInt.empty();
    }
  }

  private void full(String why) {
    if (!saidFull) {
      LOG.warn(
          "no more than {} cgroups are watched, below others those that come and go between two"
              + " looks stay unknown: {}",
          watched(),
          why);
    }
    full = true;
    saidFull = true;
  }
}
