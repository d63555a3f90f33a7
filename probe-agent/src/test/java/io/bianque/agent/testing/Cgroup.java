package io.bianque.agent.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/**
 * A cgroup of the test's own: in the unified hierarchy and, where a controller that the test looks
 * at is in a hierarchy of its own (v1), there too. It goes when it is closed, which waits for the
 * end of its processes.
 */
public final class Cgroup implements AutoCloseable {
  private final Path unified;
  private final Optional<Path> ofController;

  /**
   * @param controller as the kernel names it: {@code cpu}
   */
  public Cgroup(String name, String controller) {
    String unique = "bianque-%s-%d".formatted(name, ProcessHandle.current().pid());
    this.unified =
        mount("cgroup2", "rw")
            .map(root -> make(root.resolve(unique)))
            .orElseThrow(() -> new IllegalStateException("the unified hierarchy is not mounted"));
    this.ofController = mount("cgroup", controller).map(root -> make(root.resolve(unique)));
  }

  /** A line of shell that moves the shell into it. */
  public String enter() {
    return Stream.concat(Stream.of(unified), ofController.stream())
        .map(folder -> "echo $$ > " + folder.resolve("cgroup.procs") + "; ")
        .reduce("", String::concat);
  }

  /** Its id in the unified hierarchy. */
  public long id() {
    return inode(unified);
  }

  /** Its id in the controller's own hierarchy, if that has one. */
  public Optional<Long> idOfController() {
    return ofController.map(Cgroup::inode);
  }

  @Override
  public void close() {
    remove(unified);
    ofController.ifPresent(Cgroup::remove);
  }

  private static Optional<Path> mount(String type, String option) {
    try {
      return Files.readAllLines(Path.of("/proc/self/mounts")).stream()
          .map(line -> List.of(line.split(" ", -1)))
          .filter(mount -> mount.get(2).equals(type))
          .filter(mount -> List.of(mount.get(3).split(",", -1)).contains(option))
          .map(mount -> Path.of(mount.get(1)))
          .findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path make(Path folder) {
    try {
      return Files.createDirectory(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long inode(Path folder) {
    try {
      return (long) Files.getAttribute(folder, "unix:ino");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void remove(Path folder) {
    Awaitility.await("end of the processes in " + folder)
        .atMost(Duration.ofSeconds(10))
        .ignoreExceptions()
        .until(() -> Files.deleteIfExists(folder) || !Files.exists(folder));
  }
}
