package io.bianque.sinks.event;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Serves the schema of {@link Fixtures}' records over HTTP, and an id for any subject. */
public final class FakeRegistry implements AutoCloseable {
  private final HttpServer server;

  public FakeRegistry() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    String schema = Fixtures.schemas().schema(Fixtures.SCHEMA_ID).toString();
    byte[] answer = new ObjectMapper().writeValueAsBytes(Map.of("id", 1, "schema", schema));
    server.createContext(
        "/",
        exchange -> {
          boolean known =
              exchange.getRequestMethod().equals("POST")
                  || exchange
                      .getRequestURI()
                      .getPath()
                      .equals("/schemas/ids/" + Fixtures.SCHEMA_ID);
          byte[] body =
              known
                  ? answer
                  : "{\"error_code\":40403,\"message\":\"no such schema\"}"
                      .getBytes(StandardCharsets.UTF_8);
          exchange.getRequestBody().readAllBytes();
          exchange.sendResponseHeaders(known ? 200 : 404, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
  }

  public String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
