package io.bianque.sinks.lines;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/**
 * Writes enriched events as JSON Lines into rotated files, one for each probe, in a folder of the
 * worker.
 */
public final class LinesSinkConnector extends SinkConnector {
  private Map<String, String> properties = Map.of();

  @Override
  public void start(Map<String, String> properties) {
    this.properties = Map.copyOf(properties);
  }

  @Override
  public Class<? extends Task> taskClass() {
    return LinesSinkTask.class;
  }

  /**
   * One task, however many are allowed: a file has one writer, and one disk is the limit before one
   * thread is.
   */
  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    return List.of(properties);
  }

  @Override
  public ConfigDef config() {
    return LinesSinkConfig.DEFINITION;
  }

  @Override
  public void stop() {}

  @Override
  public String version() {
    String version = LinesSinkConnector.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
