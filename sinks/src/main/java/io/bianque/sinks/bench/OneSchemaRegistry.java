package io.bianque.sinks.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import org.apache.avro.Schema;

/** A registry that knows one schema: the sink asks once, so a real one would measure the same. */
final class OneSchemaRegistry implements AutoCloseable {
  private final HttpServer server;

  OneSchemaRegistry(Schema schema) throws IOException {
    byte[] answer = new ObjectMapper().writeValueAsBytes(Map.of("schema", schema.toString()));
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
