package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.container.ContainerWatch.Said;
import io.bianque.agent.host.HostRoot;
import io.bianque.agent.testing.Cgroup;
import io.bianque.agent.testing.KernelTest;
import io.bianque.facts.Container;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cgroups of this machine's kernel, in whatever hierarchies it has them. */
@KernelTest
class RealCgroupsTest {
  @TempDir Path folder;
  private ContainerWatch watch;

  @BeforeEach
  void begin() {
    watch =
        new ContainerWatch(
            HostRoot.SYSTEM, "host", "boot", folder.resolve("containers"), InstantSource.system());
    var _ = watch.look();
  }

  @Test
  void aCgroupsIdIsTheKernelsOwnInEachHierarchy() {
    List<Container> came;
    long id;
    Optional<Long> idOfController;
    try (Cgroup cgroup = new Cgroup("watch", "memory")) {
      came = said();
      id = cgroup.id();
      idOfController = cgroup.idOfController();
    }
    List<Container> went = said();

    assertThat(came)
        .filteredOn(each -> each.getHierarchy().equals("unified"))
        .extracting(Container::getCgroupId)
        .contains(id);
    idOfController.ifPresent(own ->
        assertThat(came)
            .filteredOn(each -> each.getControllers().contains("memory"))
            .extracting(Container::getCgroupId)
            .contains(own));
    assertThat(went)
        .filteredOn(each -> each.getCgroupId() == id && each.getHierarchy().equals("unified"))
        .singleElement()
        .satisfies(each -> assertThat(each.getEndedAt()).isAfterOrEqualTo(each.getStartedAt()));
  }

  /** No look finds them: there is one in an hour. */
  @ParameterizedTest
  @ValueSource(strings = {"0.05", "0.3"})
  void oneThatAProcessLivedInForAMomentIsToldOfWithItsStartAndItsEnd(String seconds)
      throws Exception {
    BlockingQueue<Said> heard = new LinkedBlockingQueue<>();
    List<Path> roots =
        Hierarchy.mounted(HostRoot.SYSTEM).stream().map(Hierarchy::root).distinct().toList();
    String name = "bianque-short-" + ProcessHandle.current().pid();
    ContainerFollower follower =
        new ContainerFollower(watch, Duration.ofHours(1), said -> said.forEach(heard::add));
    long looks = watch.report().looks();
    follower.start();
    await("first look").until(() -> watch.report().looks() > looks);
    Instant began = Instant.now();

    String each = roots.stream().map(Path::toString).collect(Collectors.joining(" "));
    bash(
        """
        for root in %1$s; do mkdir -p $root/%2$s/inner; echo $$ >$root/%2$s/inner/cgroup.procs; done
        sleep %3$s
        for root in %1$s; do
          echo $$ >$root/cgroup.procs
          rmdir $root/%2$s/inner $root/%2$s
        done
        """
            .formatted(each, name, seconds));
    List<Container> ended = new ArrayList<>();
    while (ended.size() < 2 * roots.size()) {
      Said said = heard.poll(10, TimeUnit.SECONDS);
      assertThat(said).as("ends of %d cgroups, besides %s", 2 * roots.size(), ended).isNotNull();
      if (said.container().getPath().startsWith("/" + name)
          && said.container().getEndedAt() != null) {
        ended.add(said.container());
      }
    }
    follower.stop();

    assertThat(ended)
        .allSatisfy(container -> {
          assertThat(container.getStartedAt()).isAfterOrEqualTo(began.minusMillis(10));
          assertThat(Duration.between(container.getStartedAt(), container.getEndedAt()))
              .isBetween(
                  Duration.ofMillis((long) (Double.parseDouble(seconds) * 1000)),
                  Duration.ofSeconds(2));
        })
        .extracting(Container::getPath)
        .containsOnly("/" + name, "/" + name + "/inner");
  }

  /** Not timed against a limit: what is printed stands in docs/containers.md. */
  @Test
  void aThousandOfThem() throws Exception {
    Path root = Hierarchy.mounted(HostRoot.SYSTEM).getFirst().root().resolve("bianque-thousand");
    List<Path> made = new ArrayList<>();
    try {
      made.add(Files.createDirectory(root));
      for (int slice = 0; slice < 10; slice++) {
        Path parent = Files.createDirectory(root.resolve("slice" + slice));
        made.add(parent);
        for (int i = 0; i < 99; i++) {
          made.add(Files.createDirectory(parent.resolve("unit" + i)));
        }
      }
      long began = cpuNanos();
      List<Container> came = said();
      long first = cpuNanos() - began;
      assertThat(came).hasSizeGreaterThanOrEqualTo(1001);
      for (int i = 0; i < 200; i++) {
        assertThat(said()).hasSizeLessThan(500);
      }
      began = cpuNanos();
      for (int i = 0; i < 50; i++) {
        var _ = said();
      }
      System.out.printf(
          "1,001 cgroups: the first look %.1f ms, one in which nothing changes %.2f ms of CPU%n",
          first / 1e6, (cpuNanos() - began) / 50e6);
    } finally {
      for (Path each : made.reversed()) {
        Files.deleteIfExists(each);
      }
    }
    assertThat(said()).hasSizeGreaterThanOrEqualTo(1001);
  }

  private static void bash(String script) throws Exception {
    assertThat(new ProcessBuilder("bash", "-ec", script).inheritIO().start().waitFor()).isZero();
  }

  private List<Container> said() {
    return watch.look().stream().map(Said::container).toList();
  }

  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
