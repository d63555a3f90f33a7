package io.bianque.standalone.http;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Requests with short time-outs; an answer is a value whatever its status, no answer is an {@link
 * IOException}.
 */
public final class Http {

  private static final Duration CONNECT = Duration.ofSeconds(2);
  private static final Duration READ = Duration.ofSeconds(20);

  /** Health checks ask often and must not hang on a server that accepts and then says nothing. */
  private static final Duration READ_HEALTH = Duration.ofSeconds(3);

  private Http() {}

  /** What came back. */
  public record Answer(int status, String body) {
    public boolean isOk() {
      return status >= 200 && status < 300;
    }

    /** This answer, or an exception that says what was asked and what came instead. */
    public Answer orFail(String what) throws IOException {
      if (isOk()) {
        return this;
      }
      throw new IOException(what + ": HTTP " + status + ", " + firstOf(body));
    }
  }

  public static Answer get(URI uri) throws IOException {
    return send("GET", uri, Map.of(), Optional.empty(), READ);
  }

  public static Answer put(URI uri, String json) throws IOException {
    return send("PUT", uri, Map.of("Content-Type", "application/json"), Optional.of(json), READ);
  }

  public static Answer post(URI uri, String json) throws IOException {
    return send("POST", uri, Map.of("Content-Type", "application/json"), Optional.of(json), READ);
  }

  public static Answer request(String method, URI uri, Map<String, String> headers)
      throws IOException {
    return send(method, uri, headers, Optional.empty(), READ_HEALTH);
  }

  /** Reads out of an answer's body what is wrong. */
  @FunctionalInterface
  public interface Reason {
    String of(String body) throws IOException;
  }

  /** What is wrong with the answer to a GET of {@code uri}, or empty when it is 2xx. */
  public static Optional<String> problem(URI uri) {
    return problem(uri, Http::firstOf);
  }

  /** The same in the server's words. */
  public static Optional<String> problem(URI uri, Reason reason) {
    try {
      Answer answer = request("GET", uri, Map.of());
      return answer.isOk()
          ? Optional.empty()
          : Optional.of(uri + " answers " + answer.status() + ": " + reason.of(answer.body()));
    } catch (IOException none) {
      return Optional.of("no answer from " + uri + ": " + none.getMessage());
    }
  }

  private static Answer send(
      String method, URI uri, Map<String, String> headers, Optional<String> body, Duration read)
      throws IOException {
    HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
    connection.setConnectTimeout((int) CONNECT.toMillis());
    connection.setReadTimeout((int) read.toMillis());
    connection.setRequestMethod(method);
    headers.forEach(connection::setRequestProperty);
    if (body.isPresent()) {
      connection.setDoOutput(true);
      connection.getOutputStream().write(body.get().getBytes(StandardCharsets.UTF_8));
    }
    int status = connection.getResponseCode();
    try (InputStream in =
        status >= 400 ? connection.getErrorStream() : connection.getInputStream()) {
      String text = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return new Answer(status, text);
    }
  }

  private static String firstOf(String body) {
    String flat = body.replaceAll("\\s+", " ").strip();
    return flat.length() <= 400 ? flat : flat.substring(0, 400) + " …";
  }
}
