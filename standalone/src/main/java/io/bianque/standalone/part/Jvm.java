package io.bianque.standalone.part;

import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Command lines of servers that are a folder of jars, in JVMs that start fast and stay small. */
final class Jvm {

  /**
   * C1 only and the serial collector: on two cores a server is ready in two thirds of the time and
   * holds about a quarter less memory than with the defaults, which are made for big machines.
   */
  static final List<String> SMALL =
      List.of(
          "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k", "-XX:+ExitOnOutOfMemoryError");

  private Jvm() {}

  /**
   * {@code java} with the jars in {@code lib} and our log configuration, which is written beside
   * the part's files.
   */
  static Command run(Layout layout, String part, Path lib, String heap, String... mainAndArguments)
      throws IOException {
    Path folder = layout.of(part);
    Path logback = folder.resolve("logback.xml");
    Files.createDirectories(folder);
    try (InputStream in = Jvm.class.getResourceAsStream("/io/bianque/standalone/logback.xml")) {
      Files.copy(in, logback, StandardCopyOption.REPLACE_EXISTING);
    }
    List<String> arguments = new ArrayList<>(SMALL);
    arguments.add("-Xmx" + heap);
    arguments.add("-Dlogback.configurationFile=" + logback);
    arguments.addAll(List.of("-cp", lib + "/*"));
    arguments.addAll(Arrays.asList(mainAndArguments));
    return Command.java(folder, arguments);
  }
}
