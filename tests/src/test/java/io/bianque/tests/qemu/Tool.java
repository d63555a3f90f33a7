package io.bianque.tests.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program of the machine, run to its end. */
final class Tool {
  private Tool() {}

  /**
   * Runs it and returns its standard output. Throws with all it printed if it fails or does not end
   * in time.
   */
  static String run(Duration limit, Path folder, List<String> command) {
    Path output = folder.resolve(Path.of(command.getFirst()).getFileName() + ".out");
    Path errors = folder.resolve(Path.of(command.getFirst()).getFileName() + ".err");
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile())
              .start();
      process.getOutputStream().close();
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException(
            command + " did not end within " + limit + ":\n" + text(errors));
      }
      if (process.exitValue() != 0) {
        throw new IllegalStateException(
            command + " ended with " + process.exitValue() + ":\n" + text(errors) + text(output));
      }
      return text(output);
    } catch (IOException e) {
      throw new UncheckedIOException(command + " cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while " + command + " ran", e);
    }
  }

  /**
   * Whether the program is to be found on the path of root: Debian keeps some in sbin, which a
   * user's path may lack.
   */
  static boolean exists(String program) {
    return List.of("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
        .stream()
        .anyMatch(folder -> Path.of(folder, program).toFile().canExecute());
  }

  private static String text(Path file) throws IOException {
    return Files.readString(file);
  }
}
