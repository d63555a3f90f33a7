package io.bianque.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.raw.Meaning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SchemasCommandTest {
  private static final Path CHECKOUT = Path.of("..");
  private static final String RAW = "schemas/src/main/avro/raw/dropwatch.avsc";

  @TempDir private Path copy;

  @BeforeEach
  void copyTheSchemas() throws IOException {
    for (String folder :
        List.of(
            "schemas/src/main/avro", "schemas/src/main/resources", "schemas/versions", "docs")) {
      try (Stream<Path> files = Files.walk(CHECKOUT.resolve(folder))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          Path target = copy.resolve(CHECKOUT.relativize(file));
          Files.createDirectories(target.getParent());
          Files.copy(file, target);
        }
      }
    }
  }

  @Test
  void theCommittedSchemasAreSound() throws IOException {
    assertThat(new SchemasCommand(CHECKOUT).problems())
        .as(
            "A change of a schema must be able to read every earlier version under schemas/versions")
        .isEmpty();
  }

  @Test
  void whatIsMadeFromTheSchemasIsCurrent() throws IOException {
    assertThat(new SchemasCommand(CHECKOUT).outdated().keySet())
        .as("Out of date; run ./bianque schemas update, look at the difference and commit it")
        .isEmpty();
  }

  /**
   * An agent of yesterday writes yesterday's raw schema, and the stream tier of today writes what
   * it derives from that: only a schema that was ever registered can be written.
   */
  @Test
  void whatIsDerivedFromEarlierRawSchemasIsNotChangedByTheDerivation() throws IOException {
    for (Path raw : versions("raw")) {
      Schema derived = EnrichedSchema.of(parse(raw));
      Set<Schema> registered = new HashSet<>();
      for (Path each : versions("enriched")) {
        if (each.getParent().getFileName().equals(raw.getParent().getFileName())) {
          registered.add(parse(each));
        }
      }
      assertThat(registered).as("derived from " + raw).contains(derived);
    }
  }

  private static List<Path> versions(String kind) throws IOException {
    try (Stream<Path> files = Files.walk(CHECKOUT.resolve("schemas/versions").resolve(kind))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private static Schema parse(Path file) throws IOException {
    return new Schema.Parser().parse(Files.readString(file));
  }

  @Test
  void everyFieldOfEveryTopicSaysWhatItMeans() throws IOException {
    assertThat(Files.readAllLines(CHECKOUT.resolve("docs/topics.md")))
        .as("Give the field a doc in its schema")
        .noneMatch(line -> line.startsWith("| ") && line.endsWith("|  |"));
  }

  @Test
  void theSchemasPageKnowsEveryLogicalType() throws IOException {
    String page = Files.readString(CHECKOUT.resolve("docs/schemas.md"));

    assertThat(Meaning.values())
        .allSatisfy(meaning -> assertThat(page).contains("`" + meaning.word() + "`"));
  }

  @Test
  void everyRawSchemaIsAProbeOfTheCatalogue() throws IOException {
    try (Stream<Path> files = Files.list(CHECKOUT.resolve("schemas/src/main/avro/raw"))) {
      assertThat(files.map(file -> file.getFileName().toString().replace(".avsc", "")))
          .containsExactlyInAnyOrderElementsOf(Catalogue.load().probes());
    }
  }

  @Test
  void anAddedFieldBecomesANewVersionOfRawAndEnriched() throws IOException {
    // Given
    edit(
        RAW,
        "\"fields\": [",
        "\"fields\": [{\"name\": \"vlan\", \"type\": [\"null\", \"int\"], \"default\": null,"
            + " \"presentIf\": \"has_vlan\", \"doc\": \"VLAN id.\"},");

    // When
    var command = new SchemasCommand(copy);

    // Then
    assertThat(command.problems()).isEmpty();
    assertThat(command.outdated().keySet())
        .extracting(file -> copy.relativize(file).toString())
        .containsExactlyInAnyOrder(
            "docs/topics.md",
            "schemas/src/main/avro/enriched/dropwatch.avsc",
            "schemas/versions/enriched/dropwatch/6.avsc",
            "schemas/versions/raw/dropwatch/6.avsc");
  }

  @Test
  void anAddedFieldWithoutDefaultIsRefused() throws IOException {
    edit(
        RAW,
        "\"fields\": [",
        "\"fields\": [{\"name\": \"mark\", \"type\": \"long\", \"doc\": \"skb->mark.\"},");

    assertThat(new SchemasCommand(copy).problems())
        .anySatisfy(problem ->
            assertThat(problem)
                .startsWith(
                    "raw/dropwatch.avsc: with version 1: READER_FIELD_MISSING_DEFAULT_VALUE")
                .contains("mark"));
  }

  @Test
  void anotherLogicalTypeIsRefusedThoughAvroWouldNotMind() throws IOException {
    edit(
        RAW,
        "\"type\": \"int\", \"logicalType\": \"ether-type\"",
        "\"type\": \"int\", \"logicalType\": \"ip-protocol\"");

    assertThat(new SchemasCommand(copy).problems())
        .hasSizeGreaterThan(1)
        .allSatisfy(problem ->
            assertThat(problem)
                .matches(
                    "raw/dropwatch.avsc: with version \\d+: logical type at /ether_type was ether-type"
                        + " and became ip-protocol; give the new meaning a field of its own"));
  }

  @Test
  void aChangedDocIsNoNewVersion() throws IOException {
    edit(RAW, "CPU that ran the probe.", "CPU on which the probe ran.");

    assertThat(new SchemasCommand(copy).outdated().keySet())
        .extracting(file -> copy.relativize(file).toString())
        .containsExactlyInAnyOrder(
            "docs/topics.md", "schemas/src/main/avro/enriched/dropwatch.avsc");
  }

  private void edit(String file, String before, String after) throws IOException {
    Path path = copy.resolve(file);
    Files.writeString(path, Files.readString(path).replace(before, after));
  }
}
