package io.bianque.agent.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A cgroup of the memory controller with a limit, in v1's hierarchy or in the unified one, wherever
 * this machine has the controller.
 */
public final class MemoryCgroup implements AutoCloseable {
  private static final Path V1 = Path.of("/sys/fs/cgroup/memory");
  private static final Path V2 = Path.of("/sys/fs/cgroup");
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Path folder;
  private final boolean v1;

  private MemoryCgroup(Path folder, boolean v1) {
    this.folder = folder;
    this.v1 = v1;
  }

  /** A cgroup below the controller's root. */
  public static MemoryCgroup create(String name) {
    boolean v1 = Files.exists(V1.resolve("memory.limit_in_bytes"));
    if (!v1) {
      write(V2.resolve("cgroup.subtree_control"), "+memory");
    }
    return made((v1 ? V1 : V2).resolve(name), v1);
  }

  /** A cgroup below this one. */
  public MemoryCgroup child(String name) {
    if (!v1) {
      write(folder.resolve("cgroup.subtree_control"), "+memory");
    }
    return made(folder.resolve(name), v1);
  }

  private static MemoryCgroup made(Path folder, boolean v1) {
    try {
      Files.createDirectories(folder);
      return new MemoryCgroup(folder, v1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sets what it may use. */
  public MemoryCgroup limit(long bytes) {
    write(folder.resolve(v1 ? "memory.limit_in_bytes" : "memory.max"), Long.toString(bytes));
    return this;
  }

  /** As the kernel names it: the inode of its folder. */
  public long id() {
    try {
      return (Long) Files.getAttribute(folder, "unix:ino");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Its path in the hierarchy. */
  public String path() {
    return "/" + (v1 ? V1 : V2).relativize(folder);
  }

  /**
   * Starts a program in it. The program is its process from the first instruction on: a shell
   * enters the cgroup and becomes the program.
   */
  public Process start(String... command) {
    try {
      List<String> shell =
          Stream.concat(
                  Stream.of(
                      "sh", "-c", "echo $$ > \"$0\" && exec \"$@\"", folder + "/cgroup.procs"),
                  Stream.of(command))
              .toList();
      return new ProcessBuilder(shell)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits for a process of {@link #start} to end; returns its exit status. */
  public static int await(Process process) throws InterruptedException {
    try {
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        throw new IllegalStateException("still running: " + process.info().commandLine());
      }
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  /** Ends what still runs in it, and removes it. */
  @Override
  public void close() {
    try {
      for (String pid : Files.readAllLines(folder.resolve("cgroup.procs"))) {
        ProcessHandle.of(Long.parseLong(pid)).ifPresent(MemoryCgroup::end);
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("a process may still be in " + folder, e);
    }
  }

  private static void end(ProcessHandle process) {
    process.destroyForcibly();
    process.onExit().orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
  }

  private static void write(Path file, String value) {
    try {
      Files.writeString(file, value);
    } catch (IOException e) {
      throw new UncheckedIOException(value + " is not taken", e);
    }
  }
}
