package io.bianque.sinks.bench;

import io.bianque.sinks.document.DocumentLayout;
import io.bianque.sinks.document.JsonBytes;
import io.bianque.sinks.event.EventReader;
import io.bianque.sinks.event.Reading.Event;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * The peer: requests that were made before the clock starts, as large as the sink's and as many at
 * once, and nothing done with the answers but to look at their status.
 */
final class BareBulk {
  private final URI server;
  private final int atOnce;
  private final List<byte[]> bodies = new ArrayList<>();
  private long bytes;

  BareBulk(
      URI server,
      List<SinkRecord> records,
      EventReader reader,
      String namespace,
      int maxBytes,
      int maxDocuments,
      int atOnce) {
    this.server = server;
    this.atOnce = atOnce;
    JsonBytes body = new JsonBytes(maxBytes + (64 << 10));
    int documents = 0;
    for (SinkRecord record : records) {
      Event event = (Event) reader.read(record);
      DocumentLayout layout = event.writer().layout();
      body.raw(
          "{\"create\":{\"_index\":\"%s\",\"_id\":\"%s\"}}\n"
              .formatted(layout.dataStream(namespace), event.id())
              .getBytes(StandardCharsets.UTF_8));
      event.writer().write(event.event(), body);
      body.raw('\n');
      documents++;
      if (body.length() >= maxBytes || documents >= maxDocuments) {
        add(body);
        documents = 0;
      }
    }
    if (documents > 0) {
      add(body);
    }
  }

  private void add(JsonBytes body) {
    bodies.add(body.copy());
    bytes += body.length();
    body.truncate(0);
  }

  long bytes() {
    return bytes;
  }

  /** Returns the nanoseconds until the last answer was there. */
  long run() throws IOException, InterruptedException {
    try (HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        ExecutorService senders = Executors.newFixedThreadPool(atOnce)) {
      long begin = System.nanoTime();
      List<Future<Integer>> answers =
          bodies.stream().map(body -> senders.submit(() -> send(http, body))).toList();
      for (Future<Integer> answer : answers) {
        if (answer.get() != 200) {
          throw new IOException("the bare bulk API answered HTTP " + answer.get());
        }
      }
      return System.nanoTime() - begin;
    } catch (ExecutionException e) {
      throw new IOException("the bare bulk request failed: " + e.getCause(), e);
    }
  }

  private int send(HttpClient http, byte[] body) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(server + "/_bulk?filter_path=errors"))
            .header("Content-Type", "application/x-ndjson")
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
    if (!answer.body().contains("\"errors\":false")) {
      throw new IOException("HTTP " + answer.statusCode() + " " + answer.body());
    }
    return answer.statusCode();
  }
}
