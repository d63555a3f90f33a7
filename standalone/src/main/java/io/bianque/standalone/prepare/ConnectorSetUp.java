package io.bianque.standalone.prepare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.http.Http;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Posts the connectors of a folder: each file is {@code {"name": …, "config": {…}}} with variables
 * like {@code ${search.url}} in its values.
 */
public final class ConnectorSetUp {

  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Za-z0-9._-]+)}");
  private static final ObjectMapper JSON = new ObjectMapper();

  private ConnectorSetUp() {}

  public static void run(URI connect, Path folder, Map<String, String> variables)
      throws IOException {
    for (Path file : connectors(folder)) {
      JsonNode connector = JSON.readTree(substitute(file, variables));
      String name = connector.path("name").asText();
      if (name.isEmpty() || !connector.path("config").isObject()) {
        throw new IOException(file + " is not {\"name\": …, \"config\": {…}}");
      }
      Http.put(
              connect.resolve("/connectors/" + name + "/config"),
              connector.get("config").toString())
          .orFail("configuring connector " + name);
    }
  }

  /**
   * The file's text with its variables filled in; one that nobody has given a value is an error.
   */
  static String substitute(Path file, Map<String, String> variables) throws IOException {
    Matcher matcher = VARIABLE.matcher(Files.readString(file));
    StringBuilder text = new StringBuilder();
    while (matcher.find()) {
      String value = variables.get(matcher.group(1));
      if (value == null) {
        throw new IOException(
            file
                + " uses ${"
                + matcher.group(1)
                + "}, known are "
                + variables.keySet().stream().sorted().toList());
      }
      matcher.appendReplacement(text, Matcher.quoteReplacement(value));
    }
    return matcher.appendTail(text).toString();
  }

  private static List<Path> connectors(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().endsWith(".json"))
          .sorted()
          .toList();
    }
  }
}
