package io.bianque.sinks.event;

import java.net.URI;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;

/** The settings that all sinks have, and checks that say what is allowed. */
public final class Settings {
  public static final String REGISTRY_URL = "registry.url";
  public static final String NAMESPACE = "namespace";

  /** What a data stream's name may hold in its last part: a hyphen would make it another part. */
  private static final Pattern NAMESPACE_FORM = Pattern.compile("[a-z0-9][a-z0-9_.]{0,99}");

  private Settings() {}

  /** Adds {@link #REGISTRY_URL} and {@link #NAMESPACE}. */
  public static ConfigDef define(ConfigDef definition) {
    return definition
        .define(
            REGISTRY_URL,
            ConfigDef.Type.STRING,
            ConfigDef.NO_DEFAULT_VALUE,
            ConfigDef.LambdaValidator.with(
                Settings::requireHttp,
                () -> "http://host:port/path or https://user:password@host/path"),
            ConfigDef.Importance.HIGH,
            "The schema registry's Confluent-compatible API.")
        .define(
            NAMESPACE,
            ConfigDef.Type.STRING,
            "default",
            ConfigDef.LambdaValidator.with(
                Settings::requireNamespace,
                () -> "lower-case letters, digits, _ and ., at most 100"),
            ConfigDef.Importance.MEDIUM,
            "Last part of the data streams' names and data_stream.namespace in each document, to keep fleets apart.");
  }

  /** Refuses what is no absolute http or https URL. */
  public static void requireHttp(String name, Object value) {
    if (value == null) {
      return; // a missing required value has its own message
    }
    try {
      URI uri = URI.create(value.toString().strip());
      if (uri.getHost() != null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return;
      }
    } catch (IllegalArgumentException e) {
      throw new ConfigException(name, value, e.getMessage());
    }
    throw new ConfigException(name, value, "must be an http or https URL with a host");
  }

  private static void requireNamespace(String name, Object value) {
    if (value == null || !NAMESPACE_FORM.matcher(value.toString()).matches()) {
      throw new ConfigException(
          name,
          value,
          "must begin with a lower-case letter or a digit, and hold only those, _ and ., 100 at most");
    }
  }
}
