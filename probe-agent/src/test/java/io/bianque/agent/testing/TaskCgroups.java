package io.bianque.agent.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/** The cgroups that a task is in, as /proc and the mounted hierarchies tell. */
public final class TaskCgroups {
  private TaskCgroups() {}

  /** Inode of its cgroup in the unified hierarchy. */
  public static long unified(int pid) throws IOException {
    return inode(pid, "").orElseThrow(() -> new IllegalStateException("cgroup2 is not mounted"));
  }

  /** Inode of the cgroup by which a controller counts it, in whichever hierarchy that is. */
  public static OptionalLong controlled(int pid, String controller) throws IOException {
    OptionalLong own = inode(pid, controller);
    return own.isPresent() ? own : inode(pid, "");
  }

  private static OptionalLong inode(int pid, String controller) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/cgroup"))) {
      String[] words = line.split(":", 3);
      if (Arrays.asList(words[1].split(",", -1)).contains(controller)) {
        for (String mount : Files.readAllLines(Path.of("/proc/self/mounts"))) {
          List<String> columns = List.of(mount.split(" "));
          boolean wanted =
              controller.isEmpty()
                  ? columns.get(2).equals("cgroup2")
                  : columns.get(2).equals("cgroup")
                      && List.of(columns.get(3).split(",")).contains(controller);
          if (wanted) {
            return OptionalLong.of(
                (long) Files.getAttribute(Path.of(columns.get(1) + words[2]), "unix:ino"));
          }
        }
      }
    }
    return OptionalLong.empty();
  }
}
