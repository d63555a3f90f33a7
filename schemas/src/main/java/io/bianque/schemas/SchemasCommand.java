package io.bianque.schemas;

import io.bianque.schemas.derive.EnrichedSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;

/** {@code ./bianque schemas derive}, run in the checkout. */
public final class SchemasCommand {
  private SchemasCommand() {}

  public static void main(String[] args) throws IOException {
    if (!List.of(args).equals(List.of("derive"))) {
      System.err.println(
          """
          usage: bianque schemas derive
            derive   rewrites schemas/src/main/avro/enriched from the raw schemas\
          """);
      System.exit(2);
    }
    Path avro = Path.of("schemas/src/main/avro");
    try (Stream<Path> files = Files.list(avro.resolve("raw"))) {
      for (Path raw : files.sorted().toList()) {
        Path enriched = avro.resolve("enriched").resolve(raw.getFileName());
        Files.createDirectories(enriched.getParent());
        Schema schema = new Schema.Parser().parse(Files.readString(raw));
        Files.writeString(enriched, SchemaText.of(EnrichedSchema.of(schema)));
        System.out.println("wrote " + enriched);
      }
    }
  }
}
