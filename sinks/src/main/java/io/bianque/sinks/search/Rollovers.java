package io.bianque.sinks.search;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.sinks.search.Batch.Document;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Finds the events that a data stream holds in an older backing index.
 *
 * <p>{@code create} refuses an id that is in the index it writes to, and after a rollover that is
 * another index: an event delivered before the rollover and again after it would be there twice.
 * Only events older than the newest index can be in an older one, so only those are looked up, by
 * one search a request: in ordinary running none, after a rollover those of the first minutes, in a
 * replay all.
 *
 * <p>What stays open is a rollover between the look at the indices and the write; the look is
 * repeated for a new task, whenever a request failed, and when an answer names an index not seen
 * before. Any thread.
 */
final class Rollovers {
  /** How far an event's clock may be ahead of the server's. */
  private static final Duration CLOCK_MARGIN = Duration.ofMinutes(10);

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String WHERE_ALL =
      "allow_partial_search_results=false&filter_path=hits.hits._id";

  private final SearchServer server;
  private final Map<String, Indices> seen = new HashMap<>();

  /**
   * @param newestBorn Unix ms at which the index written to was made
   */
  private record Indices(Set<String> names, long newestBorn) {
    boolean mayHold(Document document) {
      Long time = document.record().timestamp();
      return names.size() > 1 && (time == null || time < newestBorn + CLOCK_MARGIN.toMillis());
    }
  }

  Rollovers(SearchServer server) {
    this.server = server;
  }

  /**
   * Those of the documents that their data stream holds already.
   *
   * @throws IOException when it has to be asked again
   * @throws Refused when the server does not let us
   */
  Set<Document> alreadyThere(List<Document> documents) throws IOException, InterruptedException {
    Map<String, Indices> indices = new HashMap<>();
    Map<String, Set<String>> asked = new HashMap<>();
    for (Document document : documents) {
      String stream = document.target().stream();
      Indices known = indices.get(stream);
      if (known == null) {
        known = indices(stream);
        indices.put(stream, known);
      }
      if (known.mayHold(document)) {
        asked.computeIfAbsent(stream, name -> new HashSet<>()).add(document.id());
      }
    }
    Map<String, Set<String>> found = new HashMap<>();
    for (Map.Entry<String, Set<String>> ask : asked.entrySet()) {
      found.put(ask.getKey(), search(ask.getKey(), ask.getValue()));
    }
    return documents.stream()
        .filter(document ->
            found.getOrDefault(document.target().stream(), Set.of()).contains(document.id()))
        .collect(Collectors.toSet());
  }

  /** Takes note of the index that a document went to. */
  synchronized void wroteTo(String stream, String index) {
    Indices known = seen.get(stream);
    if (known != null && !known.names().contains(index)) {
      seen.remove(stream);
    }
  }

  /** Forgets what is known: time has passed with a request whose end is not known. */
  synchronized void forget() {
    seen.clear();
  }

  private synchronized Indices indices(String stream) throws IOException, InterruptedException {
    Indices known = seen.get(stream);
    if (known == null) {
      known = look(stream);
      if (known.names().size() > 1) {
        refresh(stream);
      }
      if (!known.names().isEmpty()) {
        seen.put(stream, known);
      }
    }
    return known;
  }

  private Indices look(String stream) throws IOException, InterruptedException {
    String path = "/" + stream + "/_settings/index.creation_date?flat_settings=true";
    return server.get(
        path,
        (status, body) -> {
          if (status == 404) {
            return new Indices(Set.of(), 0); // its first document makes it
          }
          if (status != 200) {
            throw Refused.orPassing("GET " + path, status, body);
          }
          Set<String> names = new HashSet<>();
          long newest = 0;
          for (Map.Entry<String, JsonNode> index : JSON.readTree(body).properties()) {
            JsonNode born = index.getValue().at("/settings/index.creation_date");
            if (born.isMissingNode()) {
              throw new IOException("GET " + path + ": no creation date of " + index.getKey());
            }
            names.add(index.getKey());
            newest = Math.max(newest, born.asLong());
          }
          return new Indices(names, newest);
        });
  }

  /** An older index gets no more documents: once what it has is visible, it stays so. */
  private void refresh(String stream) throws IOException, InterruptedException {
    String path = "/" + stream + "/_refresh";
    server.send(
        "POST",
        path,
        "",
        (status, body) -> {
          if (status != 200) {
            throw Refused.orPassing("POST " + path, status, body);
          }
          return null;
        });
  }

  private Set<String> search(String stream, Set<String> ids)
      throws IOException, InterruptedException {
    ObjectNode query = JSON.createObjectNode();
    query.put("size", ids.size()).put("_source", false).put("track_total_hits", false);
    ArrayNode values = query.putObject("query").putObject("ids").putArray("values");
    ids.forEach(values::add);
    String path = "/" + stream + "/_search?" + WHERE_ALL;
    return server.send("POST", path, query.toString(), (status, body) -> found(path, status, body));
  }

  private static Set<String> found(String path, int status, InputStream body) throws IOException {
    if (status != 200) {
      throw Refused.orPassing("POST " + path, status, body);
    }
    Set<String> ids = new HashSet<>();
    JSON.readTree(body).at("/hits/hits").forEach(hit -> ids.add(hit.get("_id").asText()));
    return ids;
  }
}
