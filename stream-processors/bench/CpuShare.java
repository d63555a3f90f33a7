package io.bianque.streams.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A cgroup whose processes get so much of a CPU and no more. It goes when it is closed, which is after them. */
record CpuShare(Path folder) implements AutoCloseable {
  private static final int PERIOD_MICROS = 100_000;

  /**
   * A new one; empty where this user may not make any.
   *
   * @param cpus how many: 0.5
   */
  static Optional<CpuShare> of(String name, double cpus) throws IOException {
    long quota = Math.round(cpus * PERIOD_MICROS);
    for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
      String[] mount = line.split(" ");
      Path root = Path.of(mount[1]);
      boolean unified = mount[2].equals("cgroup2") && has(root.resolve("cgroup.subtree_control"), "cpu");
      boolean own = mount[2].equals("cgroup") && List.of(mount[3].split(",")).contains("cpu");
      if ((unified || own) && Files.isWritable(root)) {
        Path folder = Files.createDirectory(root.resolve(name + "-" + ProcessHandle.current().pid()));
        if (unified) {
          Files.writeString(folder.resolve("cpu.max"), quota + " " + PERIOD_MICROS);
        } else {
          Files.writeString(folder.resolve("cpu.cfs_period_us"), Integer.toString(PERIOD_MICROS));
          Files.writeString(folder.resolve("cpu.cfs_quota_us"), Long.toString(quota));
        }
        return Optional.of(new CpuShare(folder));
      }
    }
    return Optional.empty();
  }

  private static boolean has(Path file, String word) throws IOException {
    return Files.exists(file) && List.of(Files.readString(file).trim().split(" ")).contains(word);
  }

  /** Before a command line: it runs in here. */
  List<String> enter() {
    return List.of("sh", "-c", "echo $$ > '" + folder.resolve("cgroup.procs") + "' && exec \"$@\"", "sh");
  }

  @Override
  public void close() throws IOException {
    Files.delete(folder);
  }
}
