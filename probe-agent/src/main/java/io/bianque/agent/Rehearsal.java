package io.bianque.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * A run of the agent for the AOT cache's sake, at build time: without rights and without a broker,
 * so what those would have made it load is loaded by name.
 */
final class Rehearsal {
  /** Long enough for a first attempt at everything. */
  static final Duration LENGTH = Duration.ofSeconds(3);

  private Rehearsal() {}

  /** The list of classes, when this run is a rehearsal. */
  static Optional<Path> asked() {
    return Optional.ofNullable(System.getProperty("bianque.rehearse")).map(Path::of);
  }

  /** Loads and links each class of the list that is there. */
  static void load(Path list) throws IOException {
    for (String name : Files.readAllLines(list)) {
      try {
        Class<?> _ = Class.forName(name, false, Rehearsal.class.getClassLoader());
      } catch (ClassNotFoundException | LinkageError missing) {
        // Of another version or another JDK: it costs a little memory, not the cache.
      }
    }
  }
}
