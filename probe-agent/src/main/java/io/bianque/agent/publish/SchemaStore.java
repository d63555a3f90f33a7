package io.bianque.agent.publish;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaParseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Schemas that events on disk may be written with, by fingerprint: an event can wait longer than
 * the agent that spooled it, and a newer agent's schema would not read it. They are read when one
 * is needed, once each as a rule: parsed, those of all probes take a megabyte. Thread-safe.
 */
final class SchemaStore {
  private static final Logger LOG = LoggerFactory.getLogger(SchemaStore.class);

  private final Path dir;

  /** Those that the disk would not take. */
  private final Map<String, Schema> unwritten = new ConcurrentHashMap<>();

  private final Set<String> unreadable = ConcurrentHashMap.newKeySet();

  SchemaStore(Path dir) throws IOException {
    this.dir = dir;
    Files.createDirectories(dir);
  }

  /** Keeps a schema; its fingerprint. */
  String keep(Schema schema) {
    String fingerprint = SchemaIds.fingerprint(schema);
    Path file = file(fingerprint);
    String text = schema.toString();
    try {
      if (!Files.exists(file) || !Files.readString(file).equals(text)) {
        Path fresh = file.resolveSibling(fingerprint + ".new");
        Files.writeString(fresh, text);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      unwritten.put(fingerprint, schema);
      LOG.warn(
          "events that stay in the spool will not be readable by the next run: {}", e.toString());
    }
    return fingerprint;
  }

  Optional<Schema> get(String fingerprint) {
    return Optional.ofNullable(unwritten.get(fingerprint)).or(() -> read(fingerprint));
  }

  private Optional<Schema> read(String fingerprint) {
    try {
      return Optional.of(new Schema.Parser().parse(Files.readString(file(fingerprint))));
    } catch (IOException | SchemaParseException e) {
      if (unreadable.add(fingerprint)) {
        LOG.error("events in the spool wait for their schema: {}", e.toString());
      }
      return Optional.empty();
    }
  }

  private Path file(String fingerprint) {
    return dir.resolve(fingerprint + ".avsc");
  }
}
