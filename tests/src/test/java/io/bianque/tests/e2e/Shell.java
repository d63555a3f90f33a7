package io.bianque.tests.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A command line as a user types it, run to its end by bash.
 *
 * @param exit its exit code
 * @param output its standard output
 * @param errors its standard error
 */
record Shell(int exit, String output, String errors, Duration took) {

  /**
   * Runs it with these variables on top of the test's own. Ends it, and throws, when the time is
   * over.
   */
  static Shell run(Path folder, Map<String, String> environment, Duration limit, String command) {
    long began = System.nanoTime();
    try {
      Path output = Files.createTempFile("bianque-shell", ".out");
      Path errors = Files.createTempFile("bianque-shell", ".err");
      try {
        ProcessBuilder builder =
            new ProcessBuilder(List.of("bash", "-c", command))
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly();
          throw new AssertionError(
              command
                  + " did not end within "
                  + limit
                  + ":\n"
                  + Files.readString(output)
                  + Files.readString(errors));
        }
        return new Shell(
            process.exitValue(),
            Files.readString(output),
            Files.readString(errors),
            Duration.ofNanos(System.nanoTime() - began));
      } finally {
        Files.delete(output);
        Files.delete(errors);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(command + " cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while " + command + " ran", e);
    }
  }

  /** Its standard output, if it succeeded. */
  String succeeded() {
    if (exit != 0) {
      throw new AssertionError("it ended with " + exit + ":\n" + output + errors);
    }
    return output;
  }
}
