package io.bianque.sinks.search;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Answers bulk requests as it is told to: for what a real server does only when it is full, ill or
 * misconfigured. Everything else about a server is tested on real ones.
 */
final class FakeServer implements AutoCloseable {
  private static final Pattern ID = Pattern.compile("\"_id\":\"([^\"]*)\"");

  private final HttpServer server;
  private final List<List<String>> requests = new ArrayList<>();
  private final List<String> looks = new ArrayList<>();
  private Function<List<String>, Answer> behaviour = FakeServer::created;

  record Answer(int status, String body) {}

  FakeServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          Answer answer =
              exchange.getRequestURI().getPath().equals("/_bulk")
                  ? bulk(body)
                  : look(exchange.getRequestURI().getPath());
          byte[] bytes = answer.body().getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(answer.status(), bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
  }

  URI address() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** Sets what is answered to the ids of each bulk request from now on. */
  synchronized FakeServer answering(Function<List<String>, Answer> behaviour) {
    this.behaviour = behaviour;
    return this;
  }

  /** The ids of each bulk request so far. */
  synchronized List<List<String>> requests() {
    return List.copyOf(requests);
  }

  /** Everything else that was asked. */
  synchronized List<String> looks() {
    return List.copyOf(looks);
  }

  private synchronized Answer look(String path) {
    looks.add(path);
    return new Answer(404, "{\"error\":\"no such index\"}");
  }

  private synchronized Answer bulk(String body) {
    List<String> ids = new ArrayList<>();
    Matcher matcher = ID.matcher(body);
    while (matcher.find()) {
      ids.add(matcher.group(1));
    }
    requests.add(List.copyOf(ids));
    return behaviour.apply(ids);
  }

  static Answer created(List<String> ids) {
    return items(ids, id -> item(201, ""));
  }

  static Answer items(List<String> ids, Function<String, String> item) {
    return new Answer(
        200,
        "{\"errors\":true,\"items\":[" + String.join(",", ids.stream().map(item).toList()) + "]}");
  }

  static String item(int status, String type) {
    String error =
        type.isEmpty()
            ? ""
            : ",\"error\":{\"type\":\"%s\",\"reason\":\"why\",\"caused_by\":{\"reason\":\"deeper\"}}"
                .formatted(type);
    return "{\"create\":{\"_index\":\"i\",\"status\":%d%s}}".formatted(status, error);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
