package io.bianque.sinks.search;

import io.bianque.sinks.event.Settings;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.config.types.Password;

/** Settings of the search sink; docs/sinks.md has the same with examples. */
final class SearchSinkConfig extends AbstractConfig {
  static final String SEARCH_URL = "search.url";
  static final String USERNAME = "search.username";
  static final String PASSWORD = "search.password";
  static final String API_KEY = "search.api.key";
  static final String TRUSTSTORE = "search.truststore.path";
  static final String TRUSTSTORE_PASSWORD = "search.truststore.password";
  static final String REQUEST_TIMEOUT = "request.timeout.ms";
  static final String BATCH_BYTES = "batch.bytes";
  static final String BATCH_DOCUMENTS = "batch.documents";
  static final String MAX_IN_FLIGHT = "max.in.flight";
  static final String RETRY_BACKOFF = "retry.backoff.ms";
  static final String RETRY_BACKOFF_MAX = "retry.backoff.max.ms";
  static final String MANAGE_TEMPLATES = "template.manage";
  static final String LIFECYCLE_POLICY = "lifecycle.policy";

  /** Put in by the connector, not by a person. */
  static final String TASK_NUMBER = "bianque.task";

  static final ConfigDef DEFINITION =
      Settings.define(new ConfigDef())
          .define(
              SEARCH_URL,
              ConfigDef.Type.LIST,
              ConfigDef.NO_DEFAULT_VALUE,
              ConfigDef.LambdaValidator.with(
                  SearchSinkConfig::requireUrls, () -> "http or https URLs, separated by commas"),
              Importance.HIGH,
              "Elasticsearch or OpenSearch. With several, the next one is tried when one does not answer.")
          .define(
              USERNAME,
              ConfigDef.Type.STRING,
              null,
              Importance.MEDIUM,
              "User for basic authentication.")
          .define(
              PASSWORD,
              ConfigDef.Type.PASSWORD,
              null,
              Importance.MEDIUM,
              "Password of " + USERNAME + ".")
          .define(
              API_KEY,
              ConfigDef.Type.PASSWORD,
              null,
              Importance.MEDIUM,
              "Elasticsearch API key, encoded, instead of a user.")
          .define(
              TRUSTSTORE,
              ConfigDef.Type.STRING,
              null,
              Importance.MEDIUM,
              "PKCS12 or JKS file with the certificates to trust on https; without it the JVM's own.")
          .define(
              TRUSTSTORE_PASSWORD,
              ConfigDef.Type.PASSWORD,
              null,
              Importance.MEDIUM,
              "Password of " + TRUSTSTORE + ".")
          .define(
              REQUEST_TIMEOUT,
              ConfigDef.Type.INT,
              60_000,
              Range.between(1_000, 600_000),
              Importance.LOW,
              "Milliseconds that one request may take before it is made again.")
          .define(
              BATCH_BYTES,
              ConfigDef.Type.INT,
              2 << 20,
              Range.between(16 << 10, 64 << 20),
              Importance.MEDIUM,
              "Bytes of a bulk request that send it off; one document more may be in it.")
          .define(
              BATCH_DOCUMENTS,
              ConfigDef.Type.INT,
              2_000,
              // The servers' index.max_result_window: a rollover's check asks for a batch's ids in
              // one search.
              Range.between(1, 10_000),
              Importance.MEDIUM,
              "Documents of a bulk request that send it off.")
          .define(
              MAX_IN_FLIGHT,
              ConfigDef.Type.INT,
              2,
              Range.between(1, 16),
              Importance.MEDIUM,
              "Bulk requests under way at once, for each task. Memory: about (this + 2) x "
                  + BATCH_BYTES
                  + " x 2.")
          .define(
              RETRY_BACKOFF,
              ConfigDef.Type.INT,
              200,
              Range.between(10, 60_000),
              Importance.LOW,
              "Milliseconds before the first repetition; doubled for each further one.")
          .define(
              RETRY_BACKOFF_MAX,
              ConfigDef.Type.INT,
              10_000,
              Range.between(10, 600_000),
              Importance.LOW,
              "Milliseconds between repetitions at most. There is no last one.")
          .define(
              MANAGE_TEMPLATES,
              ConfigDef.Type.BOOLEAN,
              true,
              Importance.MEDIUM,
              "Put a missing index template, and missing fields into one that is there, before a schema's first document is written. "
                  + "Without it the templates have to be there: a data stream made without one maps what it likes.")
          .define(
              LIFECYCLE_POLICY,
              ConfigDef.Type.STRING,
              null,
              Importance.LOW,
              "ILM policy for the templates that "
                  + MANAGE_TEMPLATES
                  + " makes; for servers that have ILM.");

  SearchSinkConfig(Map<String, String> properties) {
    super(DEFINITION, properties, false);
  }

  private static void requireUrls(String name, Object value) {
    if (value instanceof List<?> urls) {
      if (urls.isEmpty()) {
        throw new ConfigException(name, value, "needs at least one URL");
      }
      urls.forEach(url -> Settings.requireHttp(name, url));
    }
  }

  /** Adds messages about settings that exclude or need each other. */
  static void checkTogether(List<ConfigValue> values) {
    Map<String, ConfigValue> byName =
        values.stream().collect(Collectors.toMap(ConfigValue::name, Function.identity()));
    boolean user = byName.get(USERNAME).value() != null;
    boolean password = byName.get(PASSWORD).value() != null;
    if (user != password) {
      byName
          .get(user ? PASSWORD : USERNAME)
          .addErrorMessage(USERNAME + " and " + PASSWORD + " go together; set both or none");
    }
    if (user && byName.get(API_KEY).value() != null) {
      byName
          .get(API_KEY)
          .addErrorMessage("Set either " + API_KEY + " or " + USERNAME + ", not both");
    }
    if (byName.get(TRUSTSTORE).value() instanceof String path
        && !Path.of(path).toFile().canRead()) {
      byName.get(TRUSTSTORE).addErrorMessage("Cannot read " + path + " on this worker");
    }
  }

  URI registry() {
    return URI.create(getString(Settings.REGISTRY_URL).strip());
  }

  String namespace() {
    return getString(Settings.NAMESPACE);
  }

  List<URI> servers() {
    return getList(SEARCH_URL).stream()
        .map(url -> URI.create(url.strip().replaceAll("/+$", "")))
        .toList();
  }

  Optional<String> user() {
    return Optional.ofNullable(getString(USERNAME));
  }

  Optional<String> secret(String name) {
    return Optional.ofNullable(getPassword(name)).map(Password::value);
  }

  Optional<Path> truststore() {
    return Optional.ofNullable(getString(TRUSTSTORE)).map(Path::of);
  }

  Optional<String> lifecyclePolicy() {
    return Optional.ofNullable(getString(LIFECYCLE_POLICY)).filter(policy -> !policy.isBlank());
  }

  Duration duration(String name) {
    return Duration.ofMillis(getInt(name));
  }
}
