package io.bianque.tests.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Elasticsearch as anybody sees it: JSON over plain HTTP. Any thread may use it. */
final class Search {
  static final String DROPS = "logs-bianque.dropwatch-default";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final URI base;

  Search(URI base) {
    this.base = base;
  }

  /**
   * The documents of the drops' data stream that the query matches, at most 10,000. None while the
   * server is away or has no such stream yet: who asks, waits.
   */
  List<JsonNode> drops(String query) {
    return documents(DROPS, query);
  }

  /** The same of another data stream: {@code logs-bianque.<probe>-default}. */
  List<JsonNode> documents(String stream, String query) {
    JsonNode answer =
        post(
            "/" + stream + "/_search?ignore_unavailable=true&size=10000",
            "{\"query\": " + query + "}");
    List<JsonNode> documents = new ArrayList<>();
    answer.path("hits").path("hits").forEach(hit -> documents.add(hit.path("_source")));
    return documents;
  }

  /** How many documents the query matches, exactly; -1 while the server is away. */
  long count(String query) {
    return post("/" + DROPS + "/_count?ignore_unavailable=true", "{\"query\": " + query + "}")
        .path("count")
        .asLong(-1);
  }

  /** The destination ports of the documents that the query matches. */
  Set<Integer> ports(String query) {
    return ports(query, 1);
  }

  /** Those that more than one document has. */
  Set<Integer> portsSeenTwice(String query) {
    return ports(query, 2);
  }

  private Set<Integer> ports(String query, int documents) {
    JsonNode answer =
        post(
            "/" + DROPS + "/_search?ignore_unavailable=true&size=0",
            """
            {"query": %s, "aggs": {"ports": {"terms": {"field": "destination.port", "size": 65536, "min_doc_count": %d}}}}
            """
                .formatted(query, documents));
    Set<Integer> ports = new HashSet<>();
    answer
        .at("/aggregations/ports/buckets")
        .forEach(bucket -> ports.add(bucket.path("key").asInt()));
    return ports;
  }

  /** Makes what has been written visible to a query at once. */
  void refresh() {
    post("/" + DROPS + "/_refresh?ignore_unavailable=true", "");
  }

  private JsonNode post(String path, String body) {
    HttpRequest request =
        HttpRequest.newBuilder(base.resolve(path))
            .timeout(Duration.ofSeconds(15))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    try {
      return JSON.readTree(client.send(request, BodyHandlers.ofString()).body());
    } catch (IOException e) {
      return JSON.missingNode();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new IOException("interrupted", e));
    }
  }
}
