package io.bianque.sinks.lines;

import io.bianque.sinks.event.Settings;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigException;

/** Settings of the lines sink; docs/sinks.md has the same with examples. */
final class LinesSinkConfig extends AbstractConfig {
  static final String PATH = "lines.path";
  static final String ROTATE_BYTES = "rotate.bytes";
  static final String ROTATE_FILES = "rotate.files";
  static final String ROTATE_GZIP = "rotate.gzip";
  static final String RETRY_BACKOFF = "retry.backoff.ms";

  static final ConfigDef DEFINITION =
      Settings.define(new ConfigDef())
          .define(
              PATH,
              ConfigDef.Type.STRING,
              ConfigDef.NO_DEFAULT_VALUE,
              ConfigDef.LambdaValidator.with(
                  LinesSinkConfig::requireAbsolute, () -> "an absolute path"),
              Importance.HIGH,
              "Folder of the files on the worker's machine, made when it is not there. For this connector alone.")
          .define(
              ROTATE_BYTES,
              ConfigDef.Type.LONG,
              100L << 20,
              Range.atLeast(1 << 10),
              Importance.MEDIUM,
              "Bytes that a file does not grow beyond; a longer line has a file of its own.")
          .define(
              ROTATE_FILES,
              ConfigDef.Type.INT,
              10,
              Range.between(1, 100_000),
              Importance.MEDIUM,
              "Rotated files to keep for each probe, beside the one being written; older ones are deleted.")
          .define(
              ROTATE_GZIP,
              ConfigDef.Type.BOOLEAN,
              false,
              Importance.MEDIUM,
              "Whether rotated files are compressed with gzip.")
          .define(
              RETRY_BACKOFF,
              ConfigDef.Type.INT,
              1_000,
              Range.between(10, 60_000),
              Importance.LOW,
              "Milliseconds before the next attempt when the disk is full or the registry is away. There is no last one.");

  LinesSinkConfig(Map<String, String> properties) {
    super(DEFINITION, properties, false);
  }

  private static void requireAbsolute(String name, Object value) {
    if (value != null && !Path.of(value.toString()).isAbsolute()) {
      throw new ConfigException(
          name, value, "must be an absolute path: a worker's own folder is nobody's concern");
    }
  }

  URI registry() {
    return URI.create(getString(Settings.REGISTRY_URL).strip());
  }

  String namespace() {
    return getString(Settings.NAMESPACE);
  }

  Path path() {
    return Path.of(getString(PATH));
  }

  Rotation rotation() {
    return new Rotation(getLong(ROTATE_BYTES), getInt(ROTATE_FILES), getBoolean(ROTATE_GZIP));
  }

  int retryBackoff() {
    return getInt(RETRY_BACKOFF);
  }
}
