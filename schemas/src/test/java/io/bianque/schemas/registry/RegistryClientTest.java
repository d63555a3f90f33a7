package io.bianque.schemas.registry;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.bianque.facts.HostFacts;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.avro.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What a real registry does not do on demand; what it does is tested against one in module tests.
 */
class RegistryClientTest {
  private static final Schema SCHEMA =
      new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"r\",\"fields\":[]}");

  private record Request(String line, String authorization, String body) {}

  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private HttpServer server;
  private int status = 200;
  private String answer = "{}";

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void handle(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    requests.add(
        new Request(
            exchange.getRequestMethod() + " " + exchange.getRequestURI(),
            exchange.getRequestHeaders().getFirst("Authorization"),
            body));
    byte[] bytes = answer.getBytes(UTF_8);
    if (status == 401) {
      exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=registry");
    }
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  @Test
  void aSchemaIdIsAskedForOnce() {
    answer =
        "{\"schema\": \"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"r\\\",\\\"fields\\\":[]}\"}";
    RegistryClient client = client();

    assertThat(client.schema(7)).isEqualTo(SCHEMA).isSameAs(client.schema(7));
    assertThat(requests).extracting(Request::line).containsExactly("GET /api/schemas/ids/7");
  }

  @Test
  void aFloodOfAnUnknownIdIsNoFloodOfRequests() {
    status = 404;
    answer = "{\"error_code\": 40403, \"message\": \"Schema 7 not found.\"}";
    RegistryClient client = client();

    for (int i = 0; i < 100; i++) {
      assertThatThrownBy(() -> client.schema(7))
          .isInstanceOf(UnknownSchemaId.class)
          .hasMessage("no schema has id 7 at " + base());
    }
    assertThat(requests).hasSize(1);
  }

  @Test
  void aNegativeIdIsUnknownWithoutAsking() {
    RegistryClient client = client();

    assertThatThrownBy(() -> client.schema(-1)).isInstanceOf(UnknownSchemaId.class);
    assertThat(requests).isEmpty();
  }

  @Test
  void aSchemaThatIsNotAvroIsUnknown() {
    answer = "{\"schemaType\": \"PROTOBUF\", \"schema\": \"syntax = ...\"}";
    assertThatThrownBy(() -> client().schema(7))
        .isInstanceOf(UnknownSchemaId.class)
        .hasMessage("the schema with id 7 at %s is PROTOBUF, not Avro", base());

    answer = "{\"schema\": \"nonsense\"}";
    assertThatThrownBy(() -> client().schema(7)).isInstanceOf(UnknownSchemaId.class);
  }

  @Test
  void aClosedPortIsUnreachableWithAddressAndCause() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    RegistryClient client = new RegistryClient(URI.create("http://127.0.0.1:" + port + "/api"));

    assertThatThrownBy(() -> client.lookup("x-value", SCHEMA))
        .isInstanceOf(RegistryUnreachable.class)
        .hasMessageContaining(
            "http://127.0.0.1:" + port + "/api/subjects/x-value cannot be asked: ")
        .hasMessageContaining("Connection refused")
        .hasCauseInstanceOf(ConnectException.class);
  }

  @Test
  void anIllRegistryIsUnreachableNotWrong() {
    for (int ill : new int[] {429, 500, 503}) {
      status = ill;
      answer = "{\"error_code\": 50001, \"message\": \"storage is away\"}";
      assertThatThrownBy(() -> client().schema(7))
          .isInstanceOf(RegistryUnreachable.class)
          .hasMessageContaining("HTTP " + ill + " storage is away");
    }
  }

  @Test
  void anAnswerThatIsNoRegistrysSaysSo() {
    status = 404;
    answer = "<html>nothing here</html>";
    assertThatThrownBy(() -> client().schema(7))
        .isInstanceOf(RegistryUnreachable.class)
        .hasMessageContaining("HTTP 404, and the answer is not one of the Confluent API: <html>");

    status = 200;
    answer = "[]";
    assertThatThrownBy(() -> client().schema(8)).isInstanceOf(RegistryUnreachable.class);

    answer = "{}";
    assertThatThrownBy(() -> client().register("x-value", SCHEMA))
        .isInstanceOf(RegistryUnreachable.class)
        .hasMessageContaining("its answer has no 'id': {}");
  }

  @Test
  void missingRightsAreARefusal() {
    status = 401;
    answer = "who are you";

    RegistryRefused refused =
        catchThrowableOfType(RegistryRefused.class, () -> client().register("x-value", SCHEMA));
    assertThat(refused.status()).isEqualTo(401);
    assertThat(refused)
        .hasMessageContaining("POST " + base() + "/subjects/x-value/versions: HTTP 401");
  }

  @Test
  void theUserOfTheAddressIsSentAndNeverShown() {
    answer = "{\"id\": 3}";
    URI withUser =
        URI.create(base().toString().replace("http://", "http://agent:s%C3%A9same@") + "/");
    RegistryClient client = new RegistryClient(withUser);

    assertThat(client.register("x-value", SCHEMA)).isEqualTo(3);
    assertThat(requests.getFirst().authorization()).isEqualTo("Basic YWdlbnQ6c8Opc2FtZQ==");

    status = 500;
    assertThatThrownBy(() -> client.schema(7))
        .message()
        .doesNotContain("agent:")
        .contains(base().toString());
  }

  @Test
  void subjectsAreEscaped() {
    answer = "{\"is_compatible\": true}";
    client().isCompatible("a b/ü-value", SCHEMA);

    assertThat(requests.getFirst().line())
        .isEqualTo("POST /api/compatibility/subjects/a%20b%2F%C3%BC-value/versions");
  }

  @Test
  void aGeneratedClassIsTheSameSchemaAsItsFile() {
    answer = "{\"id\": 3}";
    Catalogue catalogue = Catalogue.load();

    client().register("x-value", HostFacts.getClassSchema());
    client().register("x-value", catalogue.schema(catalogue.topic(Topics.HOSTS)));

    List<String> bodies = new ArrayList<>(requests.stream().map(Request::body).toList());
    assertThat(bodies.getFirst()).isEqualTo(bodies.getLast()).doesNotContain("avro.java");
  }

  private URI base() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/api");
  }

  private RegistryClient client() {
    return new RegistryClient(base());
  }
}
