package io.bianque.standalone.prepare;

import io.bianque.standalone.http.Http;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Puts the templates of a folder into Elasticsearch: {@code index-template-X.json} becomes the
 * template logs-bianque.X.
 */
public final class SearchSetUp {

  private static final String PREFIX = "index-template-";
  private static final String SUFFIX = ".json";

  private SearchSetUp() {}

  public static void run(URI search, Path folder) throws IOException {
    for (Path file : templates(folder)) {
      String text = Files.readString(file);
      Http.put(search.resolve("/_index_template/" + name(file)), text)
          .orFail("putting index template " + file);
    }
  }

  /** Name in Elasticsearch of the template in that file. */
  static String name(Path file) {
    String name = file.getFileName().toString();
    return "logs-bianque." + name.substring(PREFIX.length(), name.length() - SUFFIX.length());
  }

  private static List<Path> templates(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(PREFIX))
          .filter(file -> file.getFileName().toString().endsWith(SUFFIX))
          .sorted()
          .toList();
    }
  }
}
