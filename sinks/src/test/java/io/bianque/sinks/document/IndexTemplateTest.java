package io.bianque.sinks.document;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

class IndexTemplateTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void committedTemplatesAreWhatTheSchemasSay() throws IOException {
    Path folder = Path.of("..", "deploy", "elasticsearch");

    for (Map.Entry<String, String> file : WriteIndexTemplates.files().entrySet()) {
      assertThat(folder.resolve(file.getKey()))
          .as("write it anew: ./bianque schemas templates deploy/elasticsearch")
          .content()
          .isEqualTo(file.getValue());
    }
    try (var present = Files.list(folder)) {
      assertThat(
              present
                  .map(path -> path.getFileName().toString())
                  .filter(name -> name.startsWith("index-template-")))
          .as("no template of a probe that is gone")
          .containsExactlyInAnyOrderElementsOf(WriteIndexTemplates.files().keySet());
    }
  }

  @Test
  void mapsEveryFieldOfDropwatchAndNothingElse() throws IOException {
    Map<String, String> types = new TreeMap<>();
    collect("", template(dropwatch()).at("/template/mappings/properties"), types);

    Map<String, String> expected = new TreeMap<>();
    expected.put("@timestamp", "date_nanos");
    List.of(
            "data_stream.type",
            "data_stream.dataset",
            "data_stream.namespace",
            "event.dataset",
            "event.kind",
            "ecs.version")
        .forEach(name -> expected.put(name, "keyword"));
    List.of(
            "event_id",
            "kernel_build_id",
            "missing",
            "rules_version",
            "pod_qos",
            "systemd_unit",
            "systemd_slice",
            "cgroup_path")
        .forEach(name -> expected.put("bianque." + name, "keyword"));
    List.of(
            "host.name",
            "host.id",
            "host.boot.id",
            "host.os.kernel",
            "container.id",
            "container.name",
            "container.image.name",
            "container.runtime",
            "orchestrator.resource.id",
            "orchestrator.resource.name",
            "orchestrator.namespace",
            "process.name",
            "observer.ingress.interface.name")
        .forEach(name -> expected.put(name, "keyword"));
    List.of(
            "source.domain",
            "destination.domain",
            "source.geo.name",
            "destination.geo.name",
            "network.transport",
            "tags",
            "log.level")
        .forEach(name -> expected.put(name, "keyword"));
    List.of("source.ip", "destination.ip").forEach(name -> expected.put(name, "ip"));
    expected.put("bianque.sample_rate", "long");
    List.of("source.port", "destination.port", "process.pid", "process.thread.id", "network.bytes")
        .forEach(name -> expected.put(name, "long"));
    List.of(
            "epoch",
            "sequence",
            "ktime_ns",
            "cgroup_id",
            "netns",
            "tcp_seq",
            "tcp_ack",
            "drop_reason_code")
        .forEach(name -> expected.put("bianque.dropwatch." + name, "long"));
    List.of("cpu", "ifindex", "tcp_window", "icmp_type", "icmp_code")
        .forEach(name -> expected.put("bianque.dropwatch." + name, "integer"));
    List.of(
            "ether_type",
            "saddr_owner",
            "daddr_owner",
            "tcp_flags",
            "sk_state",
            "sk_protocol",
            "drop_reason",
            "drop_source",
            "trap",
            "trap_group",
            "location",
            "kernel_stack",
            "kernel_stack_hash",
            "kernel_stack_functions_hash")
        .forEach(name -> expected.put("bianque.dropwatch." + name, "keyword"));
    assertThat(types).isEqualTo(expected);
  }

  @Test
  void eachFieldOfTheSchemaHasAPlace() {
    assertThat(leaves(DocumentLayout.of(dropwatch()).roots()))
        .containsExactlyInAnyOrderElementsOf(
            dropwatch().getFields().stream().map(Schema.Field::name).toList());
  }

  @Test
  void mapsNothingByAccident() throws IOException {
    JsonNode template = template(dropwatch());

    assertThat(template.at("/template/mappings/dynamic").asText()).isEqualTo("false");
    assertThat(template.get("priority").asInt()).isGreaterThan(100);
    assertThat(template.get("data_stream").isObject()).isTrue();
    assertThat(template.get("index_patterns").get(0).asText())
        .isEqualTo("logs-bianque.dropwatch-*");
    assertThat(template.at("/template/settings").has("index.lifecycle.name")).isFalse();
  }

  @Test
  void namesALifecyclePolicyWhereThereIsOne() throws IOException {
    JsonNode template =
        JSON.readTree(
            new IndexTemplate(DocumentLayout.of(dropwatch()), Optional.of("bianque")).json());

    assertThat(template.at("/template/settings").get("index.lifecycle.name").asText())
        .isEqualTo("bianque");
  }

  @Test
  void refusesSchemasThatHaveNoDocument() {
    assertThatThrownBy(() -> DocumentLayout.of(schema("Upper", "")))
        .isInstanceOf(UnmappableSchema.class)
        .hasMessageContaining("lower case");
    assertThatThrownBy(() ->
            DocumentLayout.of(
                new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"x\",\"fields\":[]}")))
        .isInstanceOf(UnmappableSchema.class)
        .hasMessageContaining("event_id");
    assertThatThrownBy(
            () -> DocumentLayout.of(schema("x", ",{\"name\":\"a\",\"type\":[\"int\",\"string\"]}")))
        .isInstanceOf(UnmappableSchema.class)
        .hasMessage("a: a union of 2 types would be one index field of several types");
    assertThatThrownBy(() ->
            DocumentLayout.of(
                schema(
                    "x",
                    ",{\"name\":\"a\",\"type\":\"int\",\"ecs\":\"source\"},{\"name\":\"b\",\"type\":\"int\",\"ecs\":\"source.port\"}")))
        .isInstanceOf(UnmappableSchema.class)
        .hasMessage("source.port: another field is source itself");
    assertThatThrownBy(() ->
            DocumentLayout.of(
                schema(
                    "x",
                    ",{\"name\":\"a\",\"type\":\"int\",\"ecs\":\"source.port\"},{\"name\":\"b\",\"type\":\"int\",\"ecs\":\"source.port\"}")))
        .isInstanceOf(UnmappableSchema.class)
        .hasMessage("source.port: two fields would stand there");
  }

  private static Schema schema(String name, String moreFields) {
    return new Schema.Parser()
        .parse(
            """
            {"type":"record","name":"%s","fields":[{"name":"event_id","type":"string"},
             {"name":"time","type":{"type":"long","logicalType":"timestamp-nanos"},"ecs":"@timestamp"}%s]}\
            """
                .formatted(name, moreFields));
  }

  private static Schema dropwatch() {
    Catalogue catalogue = Catalogue.load();
    return catalogue.schema(catalogue.topic(Topics.enriched("dropwatch")));
  }

  private static JsonNode template(Schema schema) throws IOException {
    return JSON.readTree(new IndexTemplate(DocumentLayout.of(schema), Optional.empty()).json());
  }

  private static void collect(String path, JsonNode properties, Map<String, String> types) {
    properties
        .properties()
        .forEach(field -> {
          if (field.getValue().has("properties")) {
            collect(path + field.getKey() + ".", field.getValue().get("properties"), types);
          } else {
            types.put(path + field.getKey(), field.getValue().get("type").asText());
          }
        });
  }

  private static List<String> leaves(List<DocumentLayout.Node> nodes) {
    List<String> names = new ArrayList<>();
    for (DocumentLayout.Node node : nodes) {
      switch (node) {
        case DocumentLayout.Branch branch -> names.addAll(leaves(branch.children()));
        case DocumentLayout.Leaf leaf -> names.add(leaf.field());
        case DocumentLayout.Constant _ -> {}
      }
    }
    return names;
  }
}
