package io.bianque.standalone.stack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Starts child processes that the kernel kills when this JVM dies, however it dies.
 *
 * <p>The kernel's parent-death signal is tied to the <em>thread</em> that made the child, not to
 * its process, so all children are made by one thread that lives as long as the JVM.
 */
final class Spawner {

  private static final ExecutorService THREAD =
      Executors.newSingleThreadExecutor(
          task -> Thread.ofPlatform().daemon().name("spawner").unstarted(task));

  private Spawner() {}

  /** Starts the command with both its outputs appended to {@code log}. */
  static Process spawn(Command command, Path log) throws IOException, InterruptedException {
    Files.createDirectories(log.getParent());
    Files.createDirectories(command.directory());
    List<String> line = new ArrayList<>(List.of("setpriv", "--pdeathsig", "KILL", "--"));
    line.addAll(command.line());
    ProcessBuilder builder =
        new ProcessBuilder(line)
            .directory(command.directory().toFile())
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    // What the caller's shell sets for its own JVMs must not reach the servers: heap sizes here are
    // part of the design.
    builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
    builder.environment().putAll(command.environment());
    try {
      return THREAD.submit(builder::start).get();
    } catch (ExecutionException failed) {
      if (failed.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw new IllegalStateException("cannot start " + command.line(), failed.getCause());
    }
  }
}
