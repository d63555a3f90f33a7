package io.bianque.standalone.stack;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What to start: a command line, what it adds to the environment, and the folder it starts in. */
public record Command(List<String> line, Map<String, String> environment, Path directory) {

  public Command {
    line = List.copyOf(line);
    environment = Map.copyOf(environment);
  }

  /** A command line of this JVM's own java with the given arguments. */
  public static Command java(Path directory, List<String> arguments) {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(arguments);
    return new Command(line, Map.of(), directory);
  }

  public Command with(Map<String, String> environment) {
    return new Command(line, environment, directory);
  }
}
