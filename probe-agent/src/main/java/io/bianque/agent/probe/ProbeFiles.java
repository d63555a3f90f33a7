package io.bianque.agent.probe;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The two files that are a probe.
 *
 * @param name {@code x} of {@code x.bpf.o}
 * @param schema where {@code x.avsc} has to be, whether it is there or not
 */
public record ProbeFiles(String name, Path object, Path schema) {
  private static final String OBJECT = ".bpf.o";

  /**
   * The probes in some folders, by name; of two with the same name the one in the later folder. A
   * folder that does not exist has none.
   */
  public static List<ProbeFiles> in(List<Path> folders) {
    Map<String, ProbeFiles> found = new TreeMap<>();
    for (Path folder : folders) {
      if (!Files.isDirectory(folder)) {
        continue;
      }
      try (DirectoryStream<Path> objects = Files.newDirectoryStream(folder, "*" + OBJECT)) {
        for (Path object : objects) {
          String file = object.getFileName().toString();
          String name = file.substring(0, file.length() - OBJECT.length());
          found.put(name, new ProbeFiles(name, object, folder.resolve(name + ".avsc")));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(folder + ": probes cannot be listed", e);
      }
    }
    return List.copyOf(found.values());
  }
}
