package io.bianque.sinks.search;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.common.config.ConfigException;

/**
 * The way to one cluster: addresses, authentication, TLS. Any thread; every call waits for its
 * answer.
 */
final class SearchServer implements AutoCloseable {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final int MAX_ERROR_BYTES = 64 << 10;

  private final List<URI> addresses;
  private final Optional<String> authorization;
  private final Duration timeout;
  private final HttpClient http;

  /** Which address is in use; moves on when one does not answer. */
  private final AtomicInteger current = new AtomicInteger();

  /** Reads an answer's body. */
  interface Reader<T> {
    T read(int status, InputStream body) throws IOException;
  }

  SearchServer(SearchSinkConfig config) {
    addresses = config.servers();
    timeout = config.duration(SearchSinkConfig.REQUEST_TIMEOUT);
    authorization = authorization(config);
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            // Neither server speaks HTTP/2 in the clear, and an offer to upgrade costs a header a
            // request.
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT);
    config
        .truststore()
        .ifPresent(path ->
            builder.sslContext(
                trusting(path, config.secret(SearchSinkConfig.TRUSTSTORE_PASSWORD))));
    http = builder.build();
  }

  private static Optional<String> authorization(SearchSinkConfig config) {
    Optional<String> key =
        config.secret(SearchSinkConfig.API_KEY).map(secret -> "ApiKey " + secret);
    return key.or(() ->
        config
            .user()
            .map(user -> user + ":" + config.secret(SearchSinkConfig.PASSWORD).orElse(""))
            .map(pair ->
                "Basic "
                    + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8))));
  }

  private static SSLContext trusting(Path path, Optional<String> password) {
    try {
      KeyStore store =
          KeyStore.getInstance(
              new File(path.toString()), password.map(String::toCharArray).orElse(null));
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new ConfigException(SearchSinkConfig.TRUSTSTORE, path, "cannot be used: " + e);
    }
  }

  <T> T get(String path, Reader<T> reader) throws IOException, InterruptedException {
    return send("GET", path, "application/json", BodyPublishers.noBody(), reader);
  }

  <T> T send(String method, String path, String json, Reader<T> reader)
      throws IOException, InterruptedException {
    return send(method, path, "application/json", BodyPublishers.ofString(json), reader);
  }

  /**
   * @param path from the root, with its query
   * @throws IOException when there is no whole answer: whether the request was carried out is
   *     unknown then
   */
  <T> T send(String method, String path, String contentType, BodyPublisher body, Reader<T> reader)
      throws IOException, InterruptedException {
    int used = current.get();
    URI address = addresses.get(Math.floorMod(used, addresses.size()));
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(address + path))
            .timeout(timeout)
            .header("Content-Type", contentType)
            .method(method, body);
    authorization.ifPresent(value -> request.header("Authorization", value));
    try {
      HttpResponse<InputStream> answer = http.send(request.build(), BodyHandlers.ofInputStream());
      try (InputStream in = answer.body()) {
        return reader.read(answer.statusCode(), in);
      }
    } catch (IOException e) {
      current.compareAndSet(used, used + 1);
      throw new IOException(
          address + ": " + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()),
          e);
    }
  }

  /** The beginning of an error's body, for a message. */
  static String text(InputStream body) throws IOException {
    String text = new String(body.readNBytes(MAX_ERROR_BYTES), StandardCharsets.UTF_8).strip();
    return text.length() > 500 ? text.substring(0, 500) + "…" : text;
  }

  /** Whether a status says that the server cannot now, whatever was asked. */
  static boolean passing(int status) {
    return status == 408 || status == 429 || status >= 500;
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
