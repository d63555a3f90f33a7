package io.bianque.tests.sinks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.http.Http;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A data stream as anybody sees it over HTTP, in Elasticsearch or OpenSearch. */
record DataStream(URI server, String name) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Documents in it now, visible or not before. */
  long count() throws IOException {
    Http.post(uri("/_refresh?ignore_unavailable=true"), "");
    return JSON.readTree(Http.get(uri("/_count?ignore_unavailable=true")).orFail("count").body())
        .get("count")
        .asLong();
  }

  /** How many different ids they have. */
  long distinctIds() throws IOException {
    return search(
            "{\"size\":0,\"aggs\":{\"ids\":{\"cardinality\":{\"field\":\"bianque.event_id\",\"precision_threshold\":40000}}}}")
        .at("/aggregations/ids/value")
        .asLong();
  }

  JsonNode search(String body) throws IOException {
    Http.post(uri("/_refresh"), "").orFail("refresh");
    return JSON.readTree(Http.post(uri("/_search"), body).orFail("search " + body).body());
  }

  /** Documents that match, at most 10. */
  List<JsonNode> documents(String query) throws IOException {
    List<JsonNode> documents = new ArrayList<>();
    search("{\"query\":" + query + "}")
        .at("/hits/hits")
        .forEach(hit -> documents.add(hit.get("_source")));
    return documents;
  }

  void rollOver() throws IOException {
    Http.post(uri("/_rollover"), "").orFail("rollover");
  }

  /** Its backing indices. */
  int indices() throws IOException {
    return JSON.readTree(Http.get(uri("/_settings")).orFail("settings").body()).size();
  }

  /** Type of every mapped field of its newest index, by path. */
  Map<String, String> mapping() throws IOException {
    JsonNode indices = JSON.readTree(Http.get(uri("/_mapping")).orFail("mapping").body());
    Map<String, JsonNode> byName = new TreeMap<>();
    indices.properties().forEach(index -> byName.put(index.getKey(), index.getValue()));
    JsonNode newest = List.copyOf(byName.values()).getLast();
    return types(newest.at("/mappings/properties"));
  }

  static Map<String, String> types(JsonNode properties) {
    Map<String, String> types = new TreeMap<>();
    properties
        .properties()
        .forEach(field -> {
          if (field.getValue().has("properties")) {
            types(field.getValue().get("properties"))
                .forEach((path, type) -> types.put(field.getKey() + "." + path, type));
          } else {
            types.put(field.getKey(), field.getValue().get("type").asText());
          }
        });
    return types;
  }

  private URI uri(String path) {
    return server.resolve("/" + name + path);
  }
}
