package io.bianque.standalone.prepare;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.standalone.part.Broker;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Makes the catalogue's topics, and brings the settings of those that are there in line with it.
 */
public final class TopicSetUp {

  private TopicSetUp() {}

  public static void run(String bootstrapServers, Catalogue catalogue)
      throws IOException, InterruptedException {
    try (Admin admin = Broker.admin(bootstrapServers)) {
      Set<String> present = admin.listTopics().names().get();
      List<NewTopic> missing = new ArrayList<>();
      Map<ConfigResource, Collection<AlterConfigOp>> settings = new HashMap<>();
      for (Topic topic : catalogue.topics()) {
        if (present.contains(topic.name())) {
          settings.put(
              new ConfigResource(ConfigResource.Type.TOPIC, topic.name()),
              topic.config().entrySet().stream().map(TopicSetUp::set).toList());
        } else {
          missing.add(
              new NewTopic(topic.name(), topic.partitions(), (short) 1).configs(topic.config()));
        }
      }
      admin.createTopics(missing).all().get();
      admin.incrementalAlterConfigs(settings).all().get();
    } catch (ExecutionException failed) {
      throw new IOException("the catalogue's topics cannot be made: " + failed.getCause(), failed);
    }
  }

  private static AlterConfigOp set(Map.Entry<String, String> setting) {
    return new AlterConfigOp(
        new ConfigEntry(setting.getKey(), setting.getValue()), AlterConfigOp.OpType.SET);
  }
}
