package io.bianque.schemas.catalogue;

import io.bianque.schemas.derive.EnrichedSchema;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.avro.Schema;

/** Every topic of the pipeline, {@code {probe}} expanded to each probe. Immutable. */
public final class Catalogue {
  private static final String RESOURCE = "catalogue.yaml";

  private final List<String> probes;
  private final List<Topic> topics;
  private final Map<String, Topic> byName;
  private final Map<String, Schema> schemas;

  private Catalogue(CatalogueFile file) {
    this.probes = List.copyOf(file.probes());
    this.topics = List.copyOf(file.topics());
    this.byName =
        topics.stream().collect(Collectors.toUnmodifiableMap(Topic::name, Function.identity()));
    this.schemas = Map.copyOf(file.schemas());
  }

  /**
   * The catalogue that is in this jar.
   *
   * @throws InvalidCatalogue when it names what cannot be
   */
  public static Catalogue load() {
    return parse(RESOURCE, text(RESOURCE), Catalogue::schemaText);
  }

  /**
   * A catalogue from its text.
   *
   * @param name of the text, for messages
   * @param schemaSource JSON of a schema by its resource name, or null when there is none
   * @throws InvalidCatalogue when it names what cannot be
   */
  public static Catalogue parse(String name, String yaml, Function<String, String> schemaSource) {
    return new Catalogue(CatalogueFile.parse(name, yaml, schemaSource));
  }

  /**
   * The topics of probes that are not in this jar, as those that are have them: raw, enriched,
   * ignored.
   *
   * @param raw their schemas; the names are the probes'
   * @throws InvalidCatalogue when this jar has a probe of that name
   */
  public static Catalogue ofOwn(List<Schema> raw) {
    Catalogue model = load();
    String known = model.probes().getFirst();
    Map<String, Schema> schemas = new HashMap<>();
    List<Topic> topics = new ArrayList<>();
    for (Schema schema : raw) {
      String probe = schema.getName();
      if (model.probes().contains(probe)) {
        throw new InvalidCatalogue(
            "there is a probe " + probe + " already; give yours another name");
      }
      schemas.put("raw/" + probe + ".avsc", schema);
      schemas.put("enriched/" + probe + ".avsc", EnrichedSchema.of(schema));
      for (String name :
          List.of(Topics.raw(known), Topics.enriched(known), Topics.ignored(known))) {
        topics.add(model.topic(name).ofProbe(known, probe));
      }
    }
    return new Catalogue(
        new CatalogueFile(raw.stream().map(Schema::getName).toList(), topics, schemas));
  }

  /** All topics, in the catalogue's order. */
  public List<Topic> topics() {
    return topics;
  }

  /**
   * The topic of that name.
   *
   * @throws IllegalArgumentException when the catalogue has none
   */
  public Topic topic(String name) {
    Topic topic = byName.get(name);
    if (topic == null) {
      throw new IllegalArgumentException("No topic " + name + " in " + RESOURCE);
    }
    return topic;
  }

  /** Names of the probes. */
  public List<String> probes() {
    return probes;
  }

  /** Schema of the topic's values, as it stands in its file. */
  public Schema schema(Topic topic) {
    return schemas.get(topic.valueSchemaResource());
  }

  /**
   * Schemas that the topic's values were written with before the present one, oldest first: what
   * topics, recordings and object storage may hold still. Empty for probes that are not in this
   * jar.
   */
  public List<Schema> earlierSchemas(Topic topic) {
    Schema present = schema(topic);
    String folder = "versions/" + topic.valueSchemaResource().replace(".avsc", "/");
    List<Schema> earlier = new ArrayList<>();
    String text;
    for (int n = 1; (text = schemaText(folder + n + ".avsc")) != null; n++) {
      Schema version = new Schema.Parser().parse(text);
      // Equal but for docs is the present one.
      if (!version.equals(present)) {
        earlier.add(version);
      }
    }
    return earlier;
  }

  private static String schemaText(String resource) {
    return Catalogue.class.getResource("/avro/" + resource) == null
        ? null
        : text("avro/" + resource);
  }

  private static String text(String resource) {
    try (InputStream in = Catalogue.class.getResourceAsStream("/" + resource)) {
      if (in == null) {
        throw new IllegalStateException("Resource " + resource + " is not on the class path");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read resource " + resource, e);
    }
  }
}
