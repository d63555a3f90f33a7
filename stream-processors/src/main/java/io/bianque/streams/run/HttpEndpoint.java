package io.bianque.streams.run;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/**
 * {@code /health} (JSON; 200 when events are being worked on, else 503) and {@code /metrics}
 * (Prometheus).
 */
public final class HttpEndpoint implements AutoCloseable {
  private final HttpServer server;

  /**
   * Listens from now on, on the loopback interface.
   *
   * @throws IOException when the port cannot be had
   */
  public HttpEndpoint(int port, StreamTier tier) throws IOException {
    this.server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setExecutor(
        Executors.newSingleThreadExecutor(run -> {
          Thread thread = new Thread(run, "bianque-http");
          thread.setDaemon(true);
          return thread;
        }));
    server.createContext(
        "/health",
        exchange -> {
          Health health = tier.health();
          answer(
              exchange, health.healthy() ? 200 : 503, "application/json", health.toJson() + "\n");
        });
    server.createContext(
        "/metrics",
        exchange -> answer(exchange, 200, "text/plain; version=0.0.4", tier.prometheus()));
    server.start();
  }

  private static void answer(HttpExchange exchange, int status, String type, String body)
      throws IOException {
    try (exchange) {
      byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", type);
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  /** Port it listens on. */
  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
