package io.bianque.standalone.prepare;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.registry.RegistryClient;
import java.net.URI;

/**
 * Registers the value schema of every topic, and before it those that it was: recordings, older
 * agents and replays have values of theirs. Agents and streams only look ids up.
 */
public final class SchemaSetUp {

  private SchemaSetUp() {}

  public static void run(URI registry, Catalogue catalogue) {
    RegistryClient client = new RegistryClient(registry);
    // The server's own default is NONE, under which any change would be accepted.
    client.setGlobalCompatibility("BACKWARD_TRANSITIVE");
    for (Topic topic : catalogue.topics()) {
      catalogue.earlierSchemas(topic).forEach(earlier -> client.register(topic.subject(), earlier));
      client.register(topic.subject(), catalogue.schema(topic));
    }
  }
}
