package io.bianque.agent.testing;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;

/** {@link Program} in Java: main() calls middle(), which calls leaf(), for ever. */
public final class JavaProgram {
  /** As a map of a JVM calls its methods: behind it comes the rest of the name. */
  public static final String METHOD = "void " + JavaProgram.class.getName() + ".";

  private static final Path BIN = Path.of(System.getProperty("java.home"), "bin");
  private static volatile long count;

  private JavaProgram() {}

  public static void main(String[] args) {
    while (count >= 0) {
      middle();
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // By one thread.
  private static void middle() {
    leaf();
    count++;
  }

  @SuppressWarnings("NonAtomicVolatileUpdate")
  private static void leaf() {
    for (int i = 0; i < 1_000_000; i++) {
      count++;
    }
  }

  /** Folder or jar in which it is. */
  public static Path classes() {
    try {
      return Path.of(JavaProgram.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * What runs it, with frame pointers, and each method compiled once.
   *
   * @param classes {@link #classes}, or where they are to be found instead
   */
  public static String command(Path classes) {
    return String.join(
        " ",
        BIN.resolve("java").toString(),
        "-XX:+PreserveFramePointer",
        "-XX:TieredStopAtLevel=1",
        "-XX:CompileCommand=quiet",
        "-XX:CompileCommand=dontinline," + JavaProgram.class.getName() + "::*",
        "-Xmx32m",
        "-cp",
        classes.toString(),
        JavaProgram.class.getName());
  }

  /**
   * Has it write its map, until its methods are in it.
   *
   * @param map as this process finds it
   * @param before of the command that asks process {@code pid} for it
   */
  public static void writeMap(Path map, long pid, String... before) {
    String[] command =
        java.util.stream.Stream.concat(
                List.of(before).stream(),
                List.of(BIN.resolve("jcmd").toString(), Long.toString(pid), "Compiler.perfmap")
                    .stream())
            .toArray(String[]::new);
    Awaitility.await("map of a JVM")
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofSeconds(1))
        .ignoreExceptions() // It is not there yet.
        .until(() -> {
          var _ = Commands.run("", command);
          return has(map, "leaf()") && has(map, "middle()");
        });
  }

  private static boolean has(Path map, String method) throws IOException {
    return Files.readString(map).contains(" " + METHOD + method);
  }
}
