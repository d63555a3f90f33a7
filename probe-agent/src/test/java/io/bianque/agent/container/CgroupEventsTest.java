package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.container.CgroupEvents.Change;
import io.bianque.agent.container.ContainerWatch.Told;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On folders of a file system, where inotify tells the same as on a kernel's cgroups. */
class CgroupEventsTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @TempDir Path folder;
  private final CgroupWalk walk = new CgroupWalk();
  private final AtomicLong nanos = new AtomicLong();
  private RecordedCgroups host;
  private List<Hierarchy> hierarchies;
  private CgroupEvents events;

  @BeforeEach
  void open() {
    host = new RecordedCgroups(folder);
    hierarchies = Hierarchy.mounted(host.host());
  }

  private void begin(int most, int burst) {
    events = new CgroupEvents(walk, most, new Allowance(burst, 10, nanos::get));
    events.open();
    look();
  }

  @AfterEach
  void close() {
    events.close();
  }

  private CgroupWalk.Result look() {
    events.beginWalk(hierarchies);
    CgroupWalk.Result result = walk.walk(hierarchies, events);
    events.endWalk(result.complete());
    return result;
  }

  private List<Change> until(Predicate<List<Change>> condition) throws InterruptedException {
    List<Change> all = new java.util.ArrayList<>();
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!condition.test(all)) {
      assertThat(System.nanoTime()).as("still only %s", all).isLessThan(end);
      all.addAll(events.next(Duration.ofMillis(50)));
    }
    return all;
  }

  private static boolean came(Change change, String path) {
    return change instanceof Change.Came(CgroupWalk.Found cgroup) && cgroup.path().equals(path);
  }

  private static boolean went(Change change, String path) {
    return change instanceof Change.Went(CgroupWalk.Found cgroup) && cgroup.path().equals(path);
  }

  @Test
  void whatComesAndGoesIsToldOfWithItsId() throws Exception {
    host.cgroup("/old");
    begin(100, 100);
    host.cgroup("/old/new");
    long id = host.id("/old/new");

    assertThat(until(all -> !all.isEmpty()))
        .singleElement()
        .isInstanceOfSatisfying(
            Change.Came.class, came -> assertThat(came.cgroup().id()).isEqualTo(id));

    host.remove("/old/new");
    host.remove("/old");

    assertThat(until(all -> all.size() == 2))
        .anyMatch(each -> went(each, "/old/new"))
        .anyMatch(each -> went(each, "/old"));
    assertThat(events.told()).isEqualTo(new Told(0, 1, 0, 0));
  }

  @Test
  void thoseMadeBelowANewOneBeforeItIsWatchedAreFoundWithIt() throws Exception {
    begin(100, 100);
    host.cgroup("/a/b/c");

    var _ = until(all -> all.stream().anyMatch(each -> came(each, "/a/b/c")));

    assertThat(events.told().watched()).isEqualTo(3);
    host.cgroup("/a/b/c/d");
    var _ = until(all -> all.stream().anyMatch(each -> came(each, "/a/b/c/d")));
  }

  @Test
  void oneThatIsGoneBeforeItIsLookedAtIsCounted() throws Exception {
    begin(100, 100);
    host.cgroup("/short");
    host.remove("/short");

    assertThat(until(_ -> events.told().gone() == 1)).isEmpty();
  }

  @Test
  void whenTooManyComeTheRestIsLeftToTheNextLook() throws Exception {
    begin(100, 10);
    for (int i = 0; i < 50; i++) {
      host.cgroup("/many" + i);
    }

    assertThat(until(_ -> events.told().skipped() == 40)).hasSize(10);
    assertThat(look().cgroups()).hasSize(50);
    assertThat(events.told().watched()).isEqualTo(50);

    nanos.addAndGet(LIMIT.toNanos());
    host.cgroup("/many7/later");
    assertThat(until(all -> !all.isEmpty())).allMatch(each -> came(each, "/many7/later"));
  }

  @Test
  void whereNoMoreCanBeWatchedTheyAreWhenOthersAreGone() throws Exception {
    host.cgroup("/a");
    host.cgroup("/b");
    begin(2, 100);
    host.cgroup("/c");
    var _ = until(all -> all.stream().anyMatch(each -> came(each, "/c")));
    assertThat(events.told().watched()).isEqualTo(2);
    host.remove("/a");
    var _ = until(all -> all.stream().anyMatch(each -> went(each, "/a")));

    assertThat(look().cgroups()).hasSize(2);

    assertThat(events.told().watched()).isEqualTo(2);
    host.cgroup("/c/new");
    var _ = until(all -> all.stream().anyMatch(each -> came(each, "/c/new")));
  }

  @Test
  void anotherOfTheSameNameIsWatchedInPlaceOfTheFirst() throws Exception {
    host.cgroup("/a");
    begin(100, 100);
    host.remove("/a");
    host.cgroup("/b");
    host.cgroup("/a");

    var _ = until(all -> all.stream().anyMatch(each -> came(each, "/a")));
    host.cgroup("/a/new");
    var _ = until(all -> all.stream().anyMatch(each -> came(each, "/a/new")));
  }

  @Test
  void aLookEndsTheWatchesOfWhatIsGone() {
    host.cgroup("/a");
    begin(100, 100);
    host.remove("/a");

    look();

    assertThat(events.told().watched()).isZero();
  }
}
