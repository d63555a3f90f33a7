package io.bianque.agent.probe;

import io.bianque.agent.encode.RecordPlan;
import io.bianque.agent.source.SourceKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The files that are a probe: an object, and a schema of its events, of each of its polled maps, or
 * of both. Where the agent has a source of that name, the schemas alone are one.
 *
 * @param name {@code x} of {@code x.bpf.o}
 * @param object empty when it is a source
 * @param schema where {@code x.avsc} is, if it is there
 * @param polled the schemas {@code x_<map>.avsc}
 */
public record ProbeFiles(String name, Optional<Path> object, Path schema, List<Path> polled) {
  static final String SCHEMA = ".avsc";
  private static final String OBJECT = ".bpf.o";

  public ProbeFiles {
    polled = List.copyOf(polled);
  }

  /** The schemas that are there. */
  public List<Path> schemas() {
    return Stream.concat(Stream.of(schema).filter(Files::exists), polled.stream()).toList();
  }

  /** The files of a probe whose object is in one folder and whose schemas are in another. */
  static ProbeFiles of(String name, Path objects, Path schemas) {
    return new ProbeFiles(
        name,
        Optional.of(objects.resolve(name + OBJECT)),
        schemas.resolve(name + SCHEMA),
        polled(name, objects, schemas));
  }

  /** The files of a source whose schemas are in a folder. */
  static ProbeFiles of(SourceKind source, Path schemas) {
    List<Path> further =
        source.records().stream()
            .map(RecordPlan::stream)
            .filter(stream -> !stream.equals(source.name()))
            .map(stream -> schemas.resolve(stream + SCHEMA))
            .filter(Files::exists)
            .toList();
    return new ProbeFiles(
        source.name(), Optional.empty(), schemas.resolve(source.name() + SCHEMA), further);
  }

  /** {@code x_y.avsc} is of a map of probe {@code x}, unless there is a probe {@code x_y}. */
  private static List<Path> polled(String name, Path objects, Path schemas) {
    try (Stream<Path> files = Files.list(schemas)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(name + "_"))
          .filter(file -> file.getFileName().toString().endsWith(SCHEMA))
          .filter(file -> owner(stem(file, SCHEMA), objects).equals(name))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(schemas + ": schemas cannot be listed", e);
    }
  }

  /** Of the probes whose name a stream's begins with, the one with the longest. */
  private static String owner(String stream, Path objects) {
    String owner = stream;
    while (!Files.exists(objects.resolve(owner + OBJECT)) && owner.contains("_")) {
      owner = owner.substring(0, owner.lastIndexOf('_'));
    }
    return owner;
  }

  private static String stem(Path file, String ending) {
    String name = file.getFileName().toString();
    return name.substring(0, name.length() - ending.length());
  }

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
      SourceKind.ALL.stream()
          .map(source -> of(source, folder))
          .filter(files -> Files.exists(files.schema()))
          .forEach(files -> found.put(files.name(), files));
      try (DirectoryStream<Path> objects = Files.newDirectoryStream(folder, "*" + OBJECT)) {
        for (Path object : objects) {
          String name = stem(object, OBJECT);
          found.put(name, of(name, folder, folder));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(folder + ": probes cannot be listed", e);
      }
    }
    return List.copyOf(found.values());
  }
}
