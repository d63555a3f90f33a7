package io.bianque.agent.probe;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A folder of the BPF file system that keeps a probe in the kernel: a file for each of its maps,
 * programs and links.
 *
 * @param identity of the object and what was set in it: a probe with another one is another probe
 * @param epoch of the life that it keeps going
 */
record Pin(Path folder, String identity, long epoch) {
  private static final String MAP = "map_";
  private static final String PROGRAM = "program_";
  private static final String LINK = "link_";

  Path map(String name) {
    return folder.resolve(MAP + name);
  }

  Path program(String name) {
    return folder.resolve(PROGRAM + name);
  }

  Path link(String program) {
    return folder.resolve(LINK + program);
  }

  List<String> maps() {
    return names(MAP);
  }

  /** Programs that are attached. */
  List<String> programs() {
    return names(LINK);
  }

  /** Detaches the programs, as soon as nobody holds the links. */
  void deleteLinks() {
    delete(files().stream().filter(file -> file.getFileName().toString().startsWith(LINK)));
  }

  /** Takes everything out of the kernel that nobody holds. */
  void delete() {
    delete(Stream.concat(files().stream(), Stream.of(folder)));
  }

  private List<String> names(String prefix) {
    return files().stream()
        .map(file -> file.getFileName().toString())
        .filter(name -> name.startsWith(prefix))
        .map(name -> name.substring(prefix.length()))
        .toList();
  }

  private List<Path> files() {
    return Pins.list(folder);
  }

  private static void delete(Stream<Path> files) {
    files.forEach(file -> {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw new UncheckedIOException("a pin cannot be deleted: " + file, e);
      }
    });
  }
}
