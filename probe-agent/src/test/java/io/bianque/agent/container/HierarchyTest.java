package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HierarchyTest {
  @TempDir Path folder;

  private List<Hierarchy> mounted(String mountinfo) {
    RecordedCgroups host = new RecordedCgroups(folder);
    host.put("proc/1/mountinfo", mountinfo);
    return Hierarchy.mounted(host.host());
  }

  @Test
  void controllersThatHaveNoHierarchyOfTheirOwnAreOfTheUnifiedOne() {
    assertThat(
            mounted(
                "29 25 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"))
        .containsExactly(
            new Hierarchy(
                "unified",
                List.of("unified", "cpu", "io", "memory"),
                folder.resolve("sys/fs/cgroup")));
  }

  @Test
  void aHybridHostHasBoth() {
    assertThat(
            mounted(
                """
                30 24 0:26 / /sys/fs/cgroup ro,nosuid shared:8 - tmpfs tmpfs ro,size=4096k,mode=755
                31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
                32 30 0:28 / /sys/fs/cgroup/systemd rw,nosuid shared:10 - cgroup cgroup rw,xattr,name=systemd
                35 30 0:31 / /sys/fs/cgroup/memory rw,nosuid shared:14 - cgroup cgroup rw,memory
                36 30 0:32 / /sys/fs/cgroup/blkio rw,nosuid shared:15 - cgroup cgroup rw,blkio
                37 30 0:33 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:16 - cgroup cgroup rw,cpu,cpuacct
                """))
        .containsExactlyInAnyOrder(
            new Hierarchy("unified", List.of("unified"), folder.resolve("sys/fs/cgroup/unified")),
            new Hierarchy("memory", List.of("memory"), folder.resolve("sys/fs/cgroup/memory")),
            new Hierarchy("io", List.of("io"), folder.resolve("sys/fs/cgroup/blkio")),
            new Hierarchy("cpu", List.of("cpu"), folder.resolve("sys/fs/cgroup/cpu,cpuacct")));
  }

  @Test
  void aContainersOwnPartOfAHierarchyIsNotTakenForIt() {
    assertThat(
            mounted(
                "29 25 0:25 /docker/4c01 /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"))
        .isEmpty();
  }

  @Test
  void namesWithWhiteSpaceAreRead() {
    assertThat(mounted("29 25 0:25 / /mnt/my\\040cgroups rw - cgroup2 cgroup2 rw\n"))
        .extracting(Hierarchy::root)
        .containsExactly(folder.resolve("mnt/my cgroups"));
  }
}
