package io.bianque.schemas.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;

/**
 * Asks a schema registry. Thread-safe; every call is one short connection with time limits, made by
 * the caller's thread.
 *
 * <p>On {@link HttpURLConnection}, because the agent uses it too: {@code java.net.http.HttpClient}
 * keeps a selector thread and some megabytes of classes for a handful of calls a day.
 */
public final class RegistryClient implements WriterSchemas {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(3);
  private static final Duration READ_TIMEOUT = Duration.ofSeconds(10);
  private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
  private static final int UNKNOWN_SUBJECT = 40401;
  private static final int UNKNOWN_VERSION = 40402;
  private static final int UNKNOWN_SCHEMA = 40403;
  // A flood of records with a wrong id must not become a flood of requests.
  private static final Duration UNKNOWN_FOR = Duration.ofSeconds(10);
  private static final int MAX_UNKNOWN = 1000;
  private static final int MAX_ANSWER_BYTES = 4 << 20;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final URI base;
  private final String authorization;
  private final Map<Integer, Schema> byId = new ConcurrentHashMap<>();
  private final Map<Integer, Long> unknown = new ConcurrentHashMap<>();

  /**
   * A client of the registry at that address.
   *
   * @param base of the Confluent API, without a slash at the end: {@code
   *     http://127.0.0.1:19091/apis/ccompat/v7}; a user in it ({@code https://user:password@host})
   *     is sent as basic authentication
   */
  public RegistryClient(URI base) {
    String user = base.getUserInfo();
    this.authorization =
        user == null
            ? null
            : "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8));
    // Without the user: the address is in every message.
    String shown =
        user == null ? base.toString() : base.toString().replace(base.getRawUserInfo() + "@", "");
    this.base = URI.create(shown.replaceAll("/+$", ""));
  }

  /**
   * Registers a schema under the subject; the same schema again gives the same id.
   *
   * @throws RegistryRefused when it is incompatible (409) or invalid (422), with the registry's
   *     reasons
   */
  public int register(String subject, Schema schema) {
    return ask("POST", "/subjects/" + segment(subject) + "/versions", schemaBody(schema))
        .ok("id")
        .intValue();
  }

  /**
   * The id of that schema under the subject, or else of one that differs in its docs alone, which
   * no bytes tell apart; empty when the subject or the schema is not registered.
   */
  public OptionalInt lookup(String subject, Schema schema) {
    Answer answer = ask("POST", "/subjects/" + segment(subject), schemaBody(schema));
    if (answer.errorCode() == UNKNOWN_SUBJECT) {
      return OptionalInt.empty();
    }
    return answer.errorCode() == UNKNOWN_SCHEMA
        ? lookupButForDocs(subject, schema)
        : OptionalInt.of(answer.ok("id").intValue());
  }

  private OptionalInt lookupButForDocs(String subject, Schema schema) {
    String versions = "/subjects/" + segment(subject) + "/versions/";
    Answer latest = ask("GET", versions + "latest", null);
    if (isUnknown(latest)) {
      return OptionalInt.empty();
    }
    for (int n = latest.ok("version").intValue(); n > 0; n--) {
      Answer version = ask("GET", versions + n, null);
      if (!isUnknown(version)) {
        int id = version.ok("id").intValue();
        if (avro(id, version).equals(schema)) {
          return OptionalInt.of(id);
        }
      }
    }
    return OptionalInt.empty();
  }

  private static boolean isUnknown(Answer answer) {
    return answer.errorCode() == UNKNOWN_SUBJECT || answer.errorCode() == UNKNOWN_VERSION;
  }

  /**
   * {@inheritDoc}
   *
   * <p>Asked once an id, for an id means the same schema for ever; that there is none is believed
   * for 10 s.
   */
  @Override
  public Schema schema(int id) {
    Schema known = byId.get(id);
    if (known != null) {
      return known;
    }
    if (id < 0 || believedUnknown(id)) {
      throw noSchema(id);
    }
    Answer answer = ask("GET", "/schemas/ids/" + id, null);
    if (answer.status() == 404) {
      if (unknown.size() >= MAX_UNKNOWN) {
        unknown.clear();
      }
      unknown.put(id, System.nanoTime());
      throw noSchema(id);
    }
    Schema schema = avro(id, answer);
    Schema other = byId.putIfAbsent(id, schema);
    return other == null ? schema : other;
  }

  private boolean believedUnknown(int id) {
    Long since = unknown.get(id);
    return since != null && System.nanoTime() - since < UNKNOWN_FOR.toNanos();
  }

  private UnknownSchemaId noSchema(int id) {
    return new UnknownSchemaId("no schema has id " + id + " at " + base);
  }

  private Schema avro(int id, Answer answer) {
    String text = answer.ok("schema").asText();
    String type = answer.json().path("schemaType").asText("AVRO");
    if (!type.equals("AVRO")) {
      throw new UnknownSchemaId(
          "the schema with id %d at %s is %s, not Avro".formatted(id, base, type));
    }
    try {
      return new Schema.Parser().parse(text);
    } catch (AvroRuntimeException e) {
      throw new UnknownSchemaId(
          "the schema with id %d at %s is not one this Avro can read: %s"
              .formatted(id, base, e.getMessage()));
    }
  }

  /** Sets what a new version of any subject must be to be accepted: {@code BACKWARD_TRANSITIVE}. */
  public void setGlobalCompatibility(String level) {
    ask("PUT", "/config", JSON.createObjectNode().put("compatibility", level)).ok();
  }

  /** Whether the schema may follow the subject's versions; true when the subject has none. */
  public boolean isCompatible(String subject, Schema schema) {
    Answer answer =
        ask(
            "POST",
            "/compatibility/subjects/" + segment(subject) + "/versions",
            schemaBody(schema));
    if (isUnknown(answer)) {
      return true;
    }
    return answer.ok("is_compatible").booleanValue();
  }

  /**
   * The schema as its file has it: generated classes carry a Java property, and would be other
   * schemas to a registry.
   */
  private static ObjectNode schemaBody(Schema schema) {
    try {
      JsonNode tree = JSON.readTree(schema.toString());
      removeJavaProperties(tree);
      return JSON.createObjectNode()
          .put("schema", new Schema.Parser().parse(tree.toString()).toString());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Avro wrote a schema that is no JSON: " + schema, e);
    }
  }

  private static void removeJavaProperties(JsonNode node) {
    if (node instanceof ObjectNode object) {
      object.remove(GenericData.STRING_PROP);
    }
    node.forEach(RegistryClient::removeJavaProperties);
  }

  private Answer ask(String method, String path, ObjectNode body) {
    URI uri = URI.create(base + path);
    try {
      HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
      try {
        return exchange(connection, method, uri, body);
      } finally {
        connection.disconnect();
      }
    } catch (IOException e) {
      throw new RegistryUnreachable(uri, e.toString(), e);
    }
  }

  private Answer exchange(HttpURLConnection connection, String method, URI uri, ObjectNode body)
      throws IOException {
    connection.setRequestMethod(method);
    connection.setConnectTimeout((int) CONNECT_TIMEOUT.toMillis());
    connection.setReadTimeout((int) READ_TIMEOUT.toMillis());
    connection.setInstanceFollowRedirects(false);
    // Kept-alive connections would cost a timer thread.
    connection.setRequestProperty("Connection", "close");
    connection.setRequestProperty("Accept", CONTENT_TYPE + ", application/json");
    if (authorization != null) {
      connection.setRequestProperty("Authorization", authorization);
    }
    if (body != null) {
      connection.setRequestProperty("Content-Type", CONTENT_TYPE);
      connection.setDoOutput(true);
      try (OutputStream out = connection.getOutputStream()) {
        out.write(JSON.writeValueAsBytes(body));
      }
    }
    int status = connection.getResponseCode();
    try (InputStream in =
        status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
      byte[] bytes = in == null ? new byte[0] : in.readNBytes(MAX_ANSWER_BYTES);
      return answer(method, uri, status, bytes);
    }
  }

  private static Answer answer(String method, URI uri, int status, byte[] bytes) {
    JsonNode json;
    try {
      json = JSON.readTree(bytes);
    } catch (IOException e) {
      json = JSON.missingNode();
    }
    if (status >= 500 || status == 429) {
      throw new RegistryUnreachable(uri, "HTTP " + status + " " + message(json, bytes), null);
    }
    boolean refusedAtTheDoor = status == 401 || status == 403;
    boolean ours = json.isObject() && (status < 300 || json.has("error_code"));
    if (!ours && !refusedAtTheDoor) {
      // A proxy's login page, another service's port, or an address without the API's path.
      throw new RegistryUnreachable(
          uri,
          "HTTP %d, and the answer is not one of the Confluent API: %s"
              .formatted(status, message(json, bytes)),
          null);
    }
    return new Answer(method, uri, status, json);
  }

  private static String message(JsonNode json, byte[] bytes) {
    if (json.hasNonNull("message")) {
      return json.get("message").asText();
    }
    String text = new String(bytes, StandardCharsets.UTF_8).strip();
    return text.length() > 200 ? text.substring(0, 200) + "…" : text;
  }

  private static String segment(String subject) {
    return URLEncoder.encode(subject, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private record Answer(String method, URI uri, int status, JsonNode json) {
    int errorCode() {
      return status < 300 ? 0 : json.path("error_code").asInt();
    }

    void ok() {
      if (status >= 300) {
        throw new RegistryRefused(method, uri, status, errorCode(), message(json, new byte[0]));
      }
    }

    JsonNode ok(String member) {
      ok();
      if (!json.hasNonNull(member)) {
        throw new RegistryUnreachable(uri, "its answer has no '" + member + "': " + json, null);
      }
      return json.get(member);
    }
  }
}
