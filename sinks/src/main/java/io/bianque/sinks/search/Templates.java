package io.bianque.sinks.search;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.sinks.document.IndexTemplate;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that a schema's fields are mapped before its first document is written: so that a
 * probe which a user brings needs nobody to write a template, and a new field is searchable at
 * once.
 *
 * <p>Only ever adds. What a template that is there says of settings, priority or a field's type
 * stays, whoever wrote it. Any thread.
 */
final class Templates {
  private static final Logger LOG = LoggerFactory.getLogger(Templates.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> WRITABLE =
      List.of(
          "index_patterns",
          "template",
          "composed_of",
          "ignore_missing_component_templates",
          "priority",
          "version",
          "_meta",
          "data_stream",
          "allow_auto_create");

  private final SearchServer server;
  private final Optional<String> lifecyclePolicy;
  private final Set<Target> done = new HashSet<>();

  Templates(SearchServer server, Optional<String> lifecyclePolicy) {
    this.server = server;
    this.lifecyclePolicy = lifecyclePolicy;
  }

  /**
   * @throws IOException when it has to be tried again
   * @throws Refused when the server does not let us, or does not take the template
   */
  synchronized void ensure(Target target) throws IOException, InterruptedException {
    if (done.contains(target)) {
      return;
    }
    IndexTemplate derived = new IndexTemplate(target.layout(), lifecyclePolicy);
    String path = "/_index_template/" + derived.name();
    Optional<ObjectNode> present = server.get(path, (status, body) -> present(path, status, body));
    if (present.isEmpty()) {
      put(path, derived.json());
      LOG.info("Made index template {}", derived.name());
    } else {
      ObjectNode template = present.get();
      ObjectNode mappings = template.withObject("/template/mappings");
      if (addMissing(mappings.withObject("/properties"), properties(derived))) {
        put(path, template.toString());
        mapInOpenIndices(target.stream(), derived);
        LOG.info("Added fields of a new schema to index template {}", derived.name());
      }
    }
    done.add(target);
  }

  private static Optional<ObjectNode> present(String path, int status, java.io.InputStream body)
      throws IOException {
    if (status == 404) {
      return Optional.empty();
    }
    if (status != 200) {
      throw Refused.orPassing("GET " + path, status, body);
    }
    JsonNode template = JSON.readTree(body).at("/index_templates/0/index_template");
    if (template instanceof ObjectNode object) {
      // Newer servers tell more than they take, such as when it was made.
      return Optional.of(object.retain(WRITABLE));
    }
    throw new IOException("GET " + path + ": the answer has no index template");
  }

  private void put(String path, String template) throws IOException, InterruptedException {
    server.send(
        "PUT",
        path,
        template,
        (status, body) -> {
          if (status != 200) {
            throw Refused.orPassing("PUT " + path, status, body);
          }
          return null;
        });
  }

  /** Adds the fields to the indices of a data stream that is there. */
  private void mapInOpenIndices(String stream, IndexTemplate derived)
      throws IOException, InterruptedException {
    // The write index only: an older one may have a field with another type, and gets no new
    // documents.
    String path = "/" + stream + "/_mapping?write_index_only=true";
    server.send(
        "PUT",
        path,
        derived.mappingJson(),
        (status, body) -> {
          if (status == 400) {
            // A type that cannot change in an index: the next rollover takes it from the template.
            LOG.warn(
                "{} keeps its old mapping until it is rolled over: {}",
                stream,
                SearchServer.text(body));
          } else if (status != 200 && status != 404) {
            throw Refused.orPassing("PUT " + path, status, body);
          }
          return null;
        });
  }

  private static ObjectNode properties(IndexTemplate derived) throws IOException {
    return JSON.readTree(derived.mappingJson()).withObject("/properties");
  }

  /** Adds to {@code present} what only {@code wanted} has; says whether there was any. */
  private static boolean addMissing(ObjectNode present, ObjectNode wanted) {
    boolean added = false;
    for (var field : wanted.properties()) {
      JsonNode existing = present.get(field.getKey());
      if (existing == null) {
        present.set(field.getKey(), field.getValue());
        added = true;
      } else if (existing.get("properties") instanceof ObjectNode below
          && field.getValue().get("properties") instanceof ObjectNode wantedBelow) {
        added |= addMissing(below, wantedBelow);
      }
    }
    return added;
  }
}
