package io.bianque.schemas;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.InvalidCatalogue;
import io.bianque.schemas.check.SchemaCheck;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.evolve.SchemaEvolution;
import io.bianque.schemas.raw.InvalidSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;

/**
 * {@code ./bianque schemas update}, run in the checkout: rewrites the committed files that are made
 * from the raw schemas and the catalogue. Nothing is written when a schema is wrong, or changes in
 * a way that its readers would not survive.
 */
public final class SchemasCommand {
  private static final String USAGE =
      """
          usage: bianque schemas update

          Run in the checkout after changing a schema or the catalogue. Rewrites what is made from them:
            schemas/src/main/avro/enriched   the enriched schema of each raw one
            schemas/versions                 a new version of each schema that changed; earlier ones stay for ever
            docs/topics.md                   the page of all topics
      deploy/elasticsearch             the index template of each probe
          It refuses a raw schema that cannot be encoded or enriched, and a change that cannot read earlier versions.

          example: edit schemas/src/main/avro/raw/dropwatch.avsc, then ./bianque schemas update && git diff\
      """;

  private final Path checkout;
  private final Path avro;
  private final Path versions;

  SchemasCommand(Path checkout) {
    this.checkout = checkout;
    this.avro = checkout.resolve("schemas/src/main/avro");
    this.versions = checkout.resolve("schemas/versions");
  }

  public static void main(String[] args) throws IOException {
    if (List.of(args).equals(List.of("update"))) {
      System.exit(update());
    }
    boolean asked = List.of(args).contains("--help");
    (asked ? System.out : System.err).println(USAGE);
    System.exit(asked ? 0 : 2);
  }

  private static int update() throws IOException {
    SchemasCommand command = new SchemasCommand(Path.of("."));
    if (!Files.isDirectory(command.avro)) {
      System.err.println("There is no " + command.avro + " here: run it in the checkout");
      return 2;
    }
    try {
      List<String> problems = command.problems();
      if (!problems.isEmpty()) {
        problems.forEach(System.err::println);
        return 1;
      }
      Map<Path, String> outdated = command.outdated();
      for (Map.Entry<Path, String> file : outdated.entrySet()) {
        Files.createDirectories(file.getKey().getParent());
        Files.writeString(file.getKey(), file.getValue());
        System.out.println("wrote " + command.checkout.relativize(file.getKey()));
      }
      if (outdated.isEmpty()) {
        System.out.println("Everything is current.");
      }
    } catch (InvalidSchema | InvalidCatalogue e) {
      System.err.println(e.getMessage());
      return 1;
    }
    return 0;
  }

  /** What is wrong with raw schemas, and with changes of any schema. */
  List<String> problems() throws IOException {
    List<String> problems = new ArrayList<>();
    for (Path file : schemas("raw")) {
      problems.addAll(SchemaCheck.problems(name(file), parse(file)));
    }
    if (problems.isEmpty()) {
      for (Map.Entry<String, Schema> schema : current().entrySet()) {
        SchemaEvolution.problems(schema.getValue(), versionsOf(schema.getKey()))
            .forEach(problem -> problems.add(schema.getKey() + ".avsc: " + problem));
      }
    }
    return problems;
  }

  /** Files that are not as they would be made now, with what they should hold. */
  Map<Path, String> outdated() throws IOException {
    Map<Path, String> made = new TreeMap<>();
    for (Map.Entry<String, Schema> schema : current().entrySet()) {
      String name = schema.getKey();
      if (name.startsWith("enriched/")) {
        made.put(avro.resolve(name + ".avsc"), SchemaText.of(schema.getValue()));
      }
      List<Schema> earlier = versionsOf(name);
      // Equal but for docs is the same version: nothing that reads records can tell.
      if (earlier.isEmpty() || !earlier.getLast().equals(schema.getValue())) {
        made.put(versionFile(name, earlier.size() + 1), SchemaText.of(schema.getValue()));
      }
    }
    made.put(checkout.resolve("docs/topics.md"), TopicsPage.of(catalogue()));
    Map<Path, String> outdated = new TreeMap<>();
    for (Map.Entry<Path, String> file : made.entrySet()) {
      if (!Files.exists(file.getKey())
          || !Files.readString(file.getKey()).equals(file.getValue())) {
        outdated.put(file.getKey(), file.getValue());
      }
    }
    return outdated;
  }

  /**
   * Every schema by its name, {@code raw/dropwatch}; the enriched ones as the raw ones make them.
   */
  private Map<String, Schema> current() throws IOException {
    Map<String, Schema> schemas = new TreeMap<>();
    for (Path file : schemas("facts")) {
      schemas.put(stem(file), parse(file));
    }
    for (Path file : schemas("raw")) {
      Schema raw = parse(file);
      schemas.put(stem(file), raw);
      schemas.put("enriched/" + raw.getName(), EnrichedSchema.of(raw));
    }
    return schemas;
  }

  private Catalogue catalogue() throws IOException {
    Map<String, Schema> current = current();
    Path yaml = checkout.resolve("schemas/src/main/resources/catalogue.yaml");
    return Catalogue.parse(
        "catalogue.yaml",
        Files.readString(yaml),
        resource -> {
          Schema schema = current.get(resource.replace(".avsc", ""));
          return schema == null ? null : schema.toString();
        });
  }

  private List<Schema> versionsOf(String name) throws IOException {
    List<Schema> found = new ArrayList<>();
    for (int n = 1; Files.exists(versionFile(name, n)); n++) {
      found.add(parse(versionFile(name, n)));
    }
    return found;
  }

  private Path versionFile(String name, int version) {
    return versions.resolve(name).resolve(version + ".avsc");
  }

  private List<Path> schemas(String folder) throws IOException {
    try (Stream<Path> files = Files.list(avro.resolve(folder))) {
      return files
          .filter(file -> file.toString().endsWith(".avsc"))
          .sorted(Comparator.naturalOrder())
          .toList();
    }
  }

  private String name(Path file) {
    return avro.relativize(file).toString();
  }

  private String stem(Path file) {
    return name(file).replace(".avsc", "");
  }

  private static Schema parse(Path file) throws IOException {
    try {
      return new Schema.Parser().parse(Files.readString(file));
    } catch (AvroRuntimeException e) {
      throw new InvalidSchema(file + ": is no Avro schema: " + e.getMessage());
    }
  }
}
