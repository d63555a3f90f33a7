package io.bianque.sinks.search;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/**
 * Writes enriched events as documents into data streams {@code logs-bianque.<probe>-<namespace>}.
 */
public final class SearchSinkConnector extends SinkConnector {
  private Map<String, String> properties = Map.of();

  @Override
  public void start(Map<String, String> properties) {
    this.properties = Map.copyOf(properties);
  }

  @Override
  public Class<? extends Task> taskClass() {
    return SearchSinkTask.class;
  }

  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    return IntStream.range(0, maxTasks)
        .mapToObj(task -> {
          Map<String, String> config = new HashMap<>(properties);
          config.put(SearchSinkConfig.TASK_NUMBER, Integer.toString(task));
          return config;
        })
        .toList();
  }

  @Override
  public Config validate(Map<String, String> properties) {
    Config config = super.validate(properties);
    SearchSinkConfig.checkTogether(config.configValues());
    return config;
  }

  @Override
  public ConfigDef config() {
    return SearchSinkConfig.DEFINITION;
  }

  @Override
  public void stop() {}

  @Override
  public String version() {
    String version = SearchSinkConnector.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
