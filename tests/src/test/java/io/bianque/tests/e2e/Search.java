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
import java.util.List;

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
    JsonNode answer =
        post(
            "/" + DROPS + "/_search?ignore_unavailable=true&size=10000",
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
