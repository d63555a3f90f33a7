package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.container.ContainerWatch.Said;
import io.bianque.facts.Container;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainerWatchTest {
  private static final String ID =
      "4c01db0b339c0d5ec3e4b8f0b6f9aa3e3d5bb0b8b5cf0d0ce8a6ff2a1e9d4b77";
  private static final String IN_DOCKER = "/docker/" + ID;

  @TempDir Path folder;
  private RecordedCgroups host;
  private Instant now = Instant.now();

  @BeforeEach
  void open() {
    host = new RecordedCgroups(folder.resolve("host"));
  }

  private ContainerWatch watch(String bootId) {
    return new ContainerWatch(
        host.host(), "host-1", bootId, folder.resolve("containers"), () -> now);
  }

  private void pass(Duration time) {
    now = now.plus(time);
  }

  @Test
  void aCgroupIsToldOfOnceAndThenItsEnd() {
    host.cgroup("/system.slice/nginx.service");
    ContainerWatch watch = watch("boot-1");

    List<Said> first = watch.look();
    pass(Duration.ofSeconds(2));
    List<Said> second = watch.look();
    host.remove("/system.slice/nginx.service");
    pass(Duration.ofSeconds(2));
    List<Said> third = watch.look();

    assertThat(first)
        .extracting(said -> said.container().getPath())
        .containsExactlyInAnyOrder("/system.slice", "/system.slice/nginx.service");
    assertThat(first)
        .allSatisfy(said -> assertThat(said.container().getEndedAt()).isNull())
        .anySatisfy(said -> {
          assertThat(said.container().getSystemdUnit()).isEqualTo("nginx.service");
          assertThat(said.container().getStartedAt()).isBeforeOrEqualTo(now);
          assertThat(said.container().getControllers())
              .containsExactly("unified", "cpu", "io", "memory");
          assertThat(said.key())
              .isEqualTo("host-1/boot-1/unified/" + said.container().getCgroupId());
        });
    assertThat(second).isEmpty();
    assertThat(third)
        .singleElement()
        .satisfies(said -> {
          assertThat(said.container().getPath()).isEqualTo("/system.slice/nginx.service");
          assertThat(said.container().getEndedAt()).isEqualTo(now);
        });
  }

  @Test
  void recordsComeInTheOrderOfIds() {
    for (int i = 0; i < 20; i++) {
      host.cgroup("/a/" + i + "/x");
    }

    assertThat(watch("boot-1").look())
        .hasSize(41)
        .extracting(said -> said.container().getCgroupId())
        .isSorted();
  }

  @Test
  void aContainerIsNamedWhenItsFilesCome() {
    host.cgroup(IN_DOCKER);
    ContainerWatch watch = watch("boot-1");
    Container nameless = find(watch.look(), IN_DOCKER);
    host.put(
        "var/lib/docker/containers/" + ID + "/config.v2.json",
        "{\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx:1.27\"}}");
    pass(Duration.ofSeconds(2));
    Container named = find(watch.look(), IN_DOCKER);

    assertThat(nameless.getContainerId()).isEqualTo(ID);
    assertThat(nameless.getContainerName()).isNull();
    assertThat(named.getContainerName()).isEqualTo("web");
    assertThat(named.getContainerImage()).isEqualTo("nginx:1.27");
    assertThat(named.getStartedAt()).isEqualTo(nameless.getStartedAt());
    pass(Duration.ofSeconds(2));
    assertThat(watch.look()).isEmpty();
  }

  @Test
  void aContainerWhoseFilesCameWhileTheAgentWasAwayIsNamedByTheNextOne() {
    host.cgroup(IN_DOCKER);
    ContainerWatch before = watch("boot-1");
    assertThat(find(before.look(), IN_DOCKER).getContainerName()).isNull();
    before.keep();
    host.put("var/lib/docker/containers/" + ID + "/config.v2.json", "{\"Name\":\"/web\"}");

    assertThat(find(watch("boot-1").look(), IN_DOCKER).getContainerName()).isEqualTo("web");
  }

  @Test
  void anEndedContainerKeepsItsNameThoughItsFilesAreGone() throws Exception {
    host.cgroup(IN_DOCKER);
    host.put(
        "var/lib/docker/containers/" + ID + "/config.v2.json",
        "{\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx:1.27\"}}");
    ContainerWatch watch = watch("boot-1");
    assertThat(find(watch.look(), IN_DOCKER).getContainerName()).isEqualTo("web");
    Files.delete(host.path("var/lib/docker/containers/" + ID + "/config.v2.json"));
    host.remove(IN_DOCKER);
    pass(Duration.ofSeconds(2));

    Container ended = find(watch.look(), IN_DOCKER);

    assertThat(ended.getEndedAt()).isEqualTo(now);
    assertThat(ended.getContainerName()).isEqualTo("web");
  }

  @Test
  void whatEndedWhileTheAgentWasAwayIsToldByTheNextOne() {
    host.cgroup(IN_DOCKER);
    host.cgroup("/stays");
    ContainerWatch before = watch("boot-1");
    var _ = before.look();
    before.keep();
    // In this order: a file system gives a folder's number away again, unlike the kernel a
    // cgroup's.
    host.cgroup("/new");
    host.remove(IN_DOCKER);
    pass(Duration.ofMinutes(5));

    ContainerWatch after = watch("boot-1");
    List<Said> told = after.look();

    assertThat(find(told, IN_DOCKER).getEndedAt()).isEqualTo(now);
    assertThat(find(told, IN_DOCKER).getContainerId()).isEqualTo(ID);
    assertThat(find(told, "/new").getEndedAt()).isNull();
    assertThat(told).noneMatch(said -> said.container().getPath().equals("/stays"));
    assertThat(after.all()).anyMatch(said -> said.container().getPath().equals("/stays"));
  }

  @Test
  void whatAnAgentKnewThatWasKilledIsAtMostTenSecondsOld() {
    host.cgroup(IN_DOCKER);
    ContainerWatch killed = watch("boot-1");
    for (int i = 0; i < 6; i++) {
      var _ = killed.look();
      pass(Duration.ofSeconds(2));
    }
    host.remove(IN_DOCKER);

    assertThat(find(watch("boot-1").look(), IN_DOCKER).getEndedAt()).isEqualTo(now);
  }

  @Test
  void aRebootEndsEverythingOfTheBootBefore() {
    host.cgroup(IN_DOCKER);
    ContainerWatch before = watch("boot-1");
    var _ = before.look();
    before.keep();
    pass(Duration.ofMinutes(5));

    List<Said> told = watch("boot-2").look();

    assertThat(told)
        .filteredOn(said -> said.container().getPath().equals(IN_DOCKER))
        .extracting(said -> said.container().getBootId(), said -> said.container().getEndedAt())
        .containsExactlyInAnyOrder(
            org.assertj.core.groups.Tuple.tuple("boot-1", now),
            org.assertj.core.groups.Tuple.tuple("boot-2", null));
  }

  @Test
  void aDayAfterItsEndARecordGetsItsTombstoneOnce() {
    host.cgroup("/short");
    ContainerWatch watch = watch("boot-1");
    String key = watch.look().getFirst().key();
    host.remove("/short");
    pass(Duration.ofSeconds(2));
    var _ = watch.look();
    pass(Duration.ofHours(23));
    assertThat(watch.look()).isEmpty();
    pass(Duration.ofHours(2));

    assertThat(watch.look()).containsExactly(new Said(key, null));
    assertThat(watch.look()).isEmpty();
    assertThat(watch.all()).isEmpty();
  }

  @Test
  void aHierarchyThatCannotBeListedEndsNothing() throws Exception {
    host.cgroup(IN_DOCKER);
    ContainerWatch watch = watch("boot-1");
    var _ = watch.look();
    Path cgroups = host.path("sys/fs/cgroup");
    Files.move(cgroups, host.path("sys/fs/away"));
    pass(Duration.ofSeconds(2));

    assertThat(watch.look()).isEmpty();
    assertThat(watch.report().complete()).isFalse();

    Files.move(host.path("sys/fs/away"), cgroups);
    assertThat(watch.look()).isEmpty();
    assertThat(watch.report().complete()).isTrue();
  }

  @Test
  void whereSomeWereSkippedNothingIsToldOfBeforeALookFoundThem() throws Exception {
    ContainerWatch watch = watch("boot-1");
    try (CgroupEvents events = watch.events()) {
      events.open();
      assertThat(watch.look()).isEmpty();
      host.cgroup("/first");
      assertThat(watch.heed(events.next(Duration.ofSeconds(10)))).hasSize(1);
      for (int i = 0; i < 1000; i++) {
        host.cgroup("/many" + i);
      }

      List<Said> told = watch.heed(events.next(Duration.ofSeconds(10)));

      assertThat(events.told().found()).isGreaterThan(400);
      assertThat(events.told().skipped()).isGreaterThan(400);
      assertThat(told).isEmpty();
      assertThat(watch.look())
          .hasSize(1000)
          .extracting(said -> said.container().getCgroupId())
          .isSorted();
      host.remove("/first");
      assertThat(watch.heed(events.next(Duration.ofSeconds(10))))
          .extracting(said -> said.container().getPath())
          .containsExactly("/first");
    }
  }

  @Test
  void aBrokenStateFileIsNoReasonNotToBegin() throws Exception {
    Files.write(folder.resolve("containers"), new byte[] {0, 5, 1, 2, 3, 4});
    host.cgroup("/a");

    assertThat(watch("boot-1").look()).hasSize(1);
  }

  @Test
  void aHostWithoutCgroupsHasNone() throws Exception {
    Files.delete(host.path("proc/1/mountinfo"));

    assertThat(watch("boot-1").look()).isEmpty();
  }

  private static Container find(List<Said> said, String path) {
    return said.stream()
        .map(Said::container)
        .filter(container -> container.getPath().equals(path))
        .findFirst()
        .orElseThrow(() -> new AssertionError("nothing was said of " + path));
  }
}
