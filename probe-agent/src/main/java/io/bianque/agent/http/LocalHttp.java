package io.bianque.agent.http;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers GET requests on the loopback address, one after another, by one thread that sleeps in
 * accept.
 *
 * <p>Not the JDK's HttpServer: that keeps two threads and loads some 200 classes, for two pages
 * that one scraper reads.
 */
public final class LocalHttp implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LocalHttp.class);

  /** A client that says nothing does not keep the next one waiting for long. */
  private static final int CLIENT_TIMEOUT_MS = 2000;

  private static final int MOST_HEADER_LINES = 100;

  private final Map<String, Supplier<Page>> pages;
  private final ServerSocket server;

  /**
   * What is answered.
   *
   * @param status HTTP status: 200, or 503 from a health page of something ill
   */
  public record Page(int status, String contentType, String body) {}

  /**
   * Begins to listen.
   *
   * @param port 0 for any free one
   * @param pages by path
   * @throws IOException when the port is taken
   */
  public LocalHttp(int port, Map<String, Supplier<Page>> pages) throws IOException {
    this.pages = Map.copyOf(pages);
    this.server = new ServerSocket();
    try {
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 16);
    } catch (IOException e) {
      server.close();
      throw e;
    }
    var _ = Thread.ofPlatform().daemon().name("bq-http").start(this::serve);
  }

  public int port() {
    return server.getLocalPort();
  }

  private void serve() {
    while (!server.isClosed()) {
      try (Socket client = server.accept()) {
        client.setSoTimeout(CLIENT_TIMEOUT_MS);
        answer(client);
      } catch (SocketException closed) {
        LOG.debug("http: {}", closed.toString());
      } catch (IOException | RuntimeException e) {
        LOG.warn("http: a request was not answered: {}", e.toString());
      }
    }
  }

  private void answer(Socket client) throws IOException {
    BufferedReader in =
        new BufferedReader(
            new InputStreamReader(client.getInputStream(), StandardCharsets.ISO_8859_1), 1024);
    String request = in.readLine();
    if (request == null) {
      return;
    }
    for (int lines = 0; lines < MOST_HEADER_LINES; lines++) {
      String header = in.readLine();
      if (header == null || header.isEmpty()) {
        break;
      }
    }
    Page page = page(request);
    byte[] body = page.body().getBytes(StandardCharsets.UTF_8);
    String head =
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(
                page.status(),
                page.status() == 200 ? "OK" : "Not OK",
                page.contentType(),
                body.length);
    OutputStream out = client.getOutputStream();
    out.write(head.getBytes(StandardCharsets.ISO_8859_1));
    if (!request.startsWith("HEAD ")) {
      out.write(body);
    }
    out.flush();
  }

  private Page page(String request) {
    String[] words = request.split(" ", -1);
    if (words.length < 2 || !(words[0].equals("GET") || words[0].equals("HEAD"))) {
      return new Page(405, "text/plain", "only GET\n");
    }
    int query = words[1].indexOf('?');
    Supplier<Page> page = pages.get(query < 0 ? words[1] : words[1].substring(0, query));
    if (page == null) {
      return new Page(
          404, "text/plain", "there are " + String.join(" and ", pages.keySet()) + "\n");
    }
    return page.get();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
