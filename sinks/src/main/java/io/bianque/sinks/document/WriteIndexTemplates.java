package io.bianque.sinks.document;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Writes the index template of every probe in the catalogue, as {@code
 * index-template-<probe>.json}, into a folder: {@code deploy/elasticsearch}. A test says whether
 * what is committed there is what this would write.
 */
public final class WriteIndexTemplates {
  private WriteIndexTemplates() {}

  /**
   * Writes the files that are not as they should be, and prints their paths.
   *
   * @param arguments the folder
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      System.err.println("Usage: WriteIndexTemplates FOLDER");
      System.exit(2);
    }
    Path folder = Path.of(arguments[0]);
    for (Map.Entry<String, String> file : files().entrySet()) {
      Path path = folder.resolve(file.getKey());
      if (!Files.exists(path) || !Files.readString(path).equals(file.getValue())) {
        Files.writeString(path, file.getValue());
        System.out.println("wrote " + path);
      }
    }
  }

  /** Content by file name. */
  static Map<String, String> files() {
    Catalogue catalogue = Catalogue.load();
    Map<String, String> files = new TreeMap<>();
    for (String probe : catalogue.probes()) {
      DocumentLayout layout =
          DocumentLayout.of(catalogue.schema(catalogue.topic(Topics.enriched(probe))));
      files.put(
          "index-template-" + probe + ".json", new IndexTemplate(layout, Optional.empty()).json());
    }
    return files;
  }
}
