package io.bianque.streams.ruleset;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.streams.rule.InvalidRules;
import io.bianque.streams.rule.Rules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;

/** Makes rules of texts, against the enriched schemas of the probes in this jar. Thread-safe. */
public final class RuleCompiler {
  private final Map<String, Schema> schemas = new HashMap<>();

  public RuleCompiler() {
    Catalogue catalogue = Catalogue.load();
    for (String probe : catalogue.probes()) {
      schemas.put(probe, EnrichedSchema.of(catalogue.schema(catalogue.topic(Topics.raw(probe)))));
    }
  }

  /** Enriched schema of each probe that a rule may name. */
  public Map<String, Schema> schemas() {
    return Map.copyOf(schemas);
  }

  /**
   * Rules as their text says.
   *
   * @param name of the file, for messages
   * @throws InvalidRules with everything that is wrong with it
   */
  public Rules compile(String name, String text) {
    return compile(name, text, Set.of(), Set.of());
  }

  /**
   * Rules as their text says, but for those that a configuration switches on or off.
   *
   * @throws InvalidRules with everything that is wrong with it
   */
  public Rules compile(String name, String text, Set<String> enable, Set<String> disable) {
    return Rules.of(name, text, schemas, enable, disable);
  }

  /**
   * A file's text.
   *
   * @throws InvalidRules when it cannot be read
   */
  public static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new InvalidRules(
          List.of(new InvalidRules.Mistake(file.toString(), 1, 1, null, "cannot be read: " + e)));
    }
  }
}
