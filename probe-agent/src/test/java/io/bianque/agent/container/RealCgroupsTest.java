package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.container.ContainerWatch.Said;
import io.bianque.agent.host.HostRoot;
import io.bianque.agent.testing.Cgroup;
import io.bianque.agent.testing.KernelTest;
import io.bianque.facts.Container;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

  private List<Container> said() {
    return watch.look().stream().map(Said::container).toList();
  }

  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
