package io.bianque.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.standalone.live.StackState.Source;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * docker-compose.yml cannot be run where no image can be pulled, so all that it names is looked up:
 * parts, versions, files, build targets, options, configuration variables, volumes.
 */
class ComposeFileTest {

  private static final Layout LAYOUT = Layout.of(Path.of("."));
  private static final JsonNode COMPOSE = yaml("docker-compose.yml");
  private static final String DOCKERFILE = "deploy/docker/Dockerfile";
  private static final String CONNECT = "deploy/docker/connect.properties";

  /** Of loopback on the host: of the container. */
  private static final Pattern PORT = Pattern.compile("127\\.0\\.0\\.1:(\\d+):(\\d+)");

  /** A service's name with a port, as an address inside the stack. */
  private static final Pattern ADDRESS =
      Pattern.compile("(?<![\\w.-])([a-z][a-z-]*):(\\d{2,5})(?![\\w.])");

  @Test
  void hasAServiceForEachPartOfTheStack() {
    Set<String> parts = new TreeSet<>();
    for (Part part : Standalone.all(LAYOUT, new Ports(Ports.DEFAULT_BASE), Source.LIVE)) {
      parts.add(part.name());
    }
    parts.addAll(List.of("kibana", "prepare"));
    assertThat(names(COMPOSE.get("services"))).containsExactlyInAnyOrderElementsOf(parts);
  }

  @Test
  void runsTheVersionsThatTheStandaloneStackRuns() throws IOException {
    Properties versions = new Properties();
    try (InputStream in =
        ComposeFileTest.class.getResourceAsStream("/io/bianque/standalone/versions.properties")) {
      versions.load(in);
    }
    assertThat(image("broker")).isEqualTo("apache/kafka:" + versions.getProperty("kafka"));
    assertThat(text(DOCKERFILE)).contains("FROM apache/kafka:" + versions.getProperty("kafka"));
    assertThat(image("registry")).endsWith(":" + versions.getProperty("registry"));
    assertThat(image("search")).endsWith(":" + versions.getProperty("search"));
    assertThat(image("kibana")).endsWith(":" + versions.getProperty("search"));
    assertThat(image("object-store")).endsWith(":s3proxy-" + versions.getProperty("object-store"));
  }

  @Test
  void isValidByTheComposeSpecification() throws IOException {
    assertThat(COMPOSE.get("name").asText()).matches("[a-z0-9][a-z0-9_-]*");
    ObjectNode compose = COMPOSE.deepCopy();
    // The schema's edition is older than this key.
    compose.remove("name");

    assertThat(problems(compose)).isEmpty();
  }

  @Test
  void aKeyThatIsUnknownOrAValueOfAnotherFormWouldBeFound() throws IOException {
    ObjectNode compose = COMPOSE.deepCopy();
    compose.remove("name");
    compose.put("service", "misspelled");
    ((ObjectNode) compose.at("/services/broker")).put("enviroment", "misspelled");
    ((ObjectNode) compose.at("/services/streams/depends_on/prepare"))
        .put("condition", "service_ok");
    ((ObjectNode) compose.at("/services/search")).put("volumes", "not a list");

    assertThat(problems(compose))
        .anySatisfy(problem -> assertThat(problem).contains("service"))
        .anySatisfy(problem -> assertThat(problem).contains("/services/broker", "enviroment"))
        .anySatisfy(problem -> assertThat(problem).contains("/services/streams/depends_on"))
        .anySatisfy(problem -> assertThat(problem).contains("/services/search/volumes"));
  }

  private static List<String> problems(JsonNode compose) throws IOException {
    ObjectNode schema;
    try (InputStream in = ComposeFileTest.class.getResourceAsStream("compose-spec.json")) {
      schema = (ObjectNode) new ObjectMapper().readTree(in);
    }
    // It names its dialect by an address that the dialect does not have, and itself and its parts
    // by a keyword of an older one.
    schema.remove("$schema");
    schema.findParents("id").stream()
        .filter(part -> part.get("id").isTextual())
        .forEach(part -> ((ObjectNode) part).remove("id"));
    return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2019_09)
        .getSchema(schema)
        .validate(compose)
        .stream()
        .map(error -> error.toString())
        .toList();
  }

  @Test
  void pinsEveryImage() {
    List<String> images =
        new ArrayList<>(matches(Pattern.compile("(?m)^FROM (\\S+)"), text(DOCKERFILE)));
    for (String service : names(COMPOSE.get("services"))) {
      JsonNode image = service(service).path("image");
      assertThat(image.isMissingNode())
          .as(service + " has either an image or a build")
          .isEqualTo(service(service).has("build"));
      if (!image.isMissingNode()) {
        images.add(image.asText());
      }
    }
    assertThat(images)
        .hasSizeGreaterThan(8)
        .allSatisfy(image -> {
          assertThat(image)
              .as("a tag with a whole version")
              .matches("[a-z./0-9-]+:\\S*\\d+\\.\\d+\\.\\d+\\S*");
        });
  }

  @Test
  void publishesOnLoopbackOnlyAtTheStandaloneStacksPorts() {
    Ports ports = new Ports(Ports.DEFAULT_BASE);
    Map<String, Integer> expected =
        Map.of(
            "broker", ports.broker(),
            "registry", ports.registry(),
            "search", ports.search(),
            "object-store", ports.objectStore(),
            "connect", ports.connect());
    Set<String> taken = new HashSet<>();
    for (String service : names(COMPOSE.get("services"))) {
      for (JsonNode port : service(service).path("ports")) {
        Matcher published = PORT.matcher(port.asText());
        assertThat(published.matches()).as(service + " " + port.asText()).isTrue();
        assertThat(Integer.parseInt(published.group(1))).as(service).isBetween(1024, 65_535);
        assertThat(Integer.parseInt(published.group(2))).as(service).isBetween(1, 65_535);
        assertThat(taken.add(published.group(1))).as("twice: " + port.asText()).isTrue();
        if (expected.containsKey(service)) {
          assertThat(port.asText()).startsWith("127.0.0.1:" + expected.get(service) + ":");
        }
      }
    }
  }

  @Test
  void buildsFromTargetsThatTheDockerfileHas() {
    List<String> targets = matches(Pattern.compile("(?m)^FROM \\S+ AS (\\S+)$"), text(DOCKERFILE));
    for (String service : names(COMPOSE.get("services"))) {
      JsonNode build = service(service).path("build");
      if (!build.isMissingNode()) {
        assertThat(build.get("dockerfile").asText()).isEqualTo(DOCKERFILE);
        assertThat(targets).contains(build.get("target").asText());
      }
    }
  }

  @Test
  void copiesIntoItsImagesOnlyWhatTheCheckoutHasOrTheBuildMakes() {
    for (String source :
        matches(Pattern.compile("(?m)^COPY (?!--from)(\\S+) \\S+$"), text(DOCKERFILE))) {
      assertThat(LAYOUT.checkout().resolve(source)).exists();
    }
    Set<Path> made =
        Set.of(
            LAYOUT.agentDist(),
            LAYOUT.streamsDist(),
            LAYOUT.sinksDist(),
            LAYOUT.checkout().resolve("standalone/target/dist"));
    for (String source :
        matches(
            Pattern.compile("(?m)^COPY --from=build /bianque/(\\S+) \\S+$"), text(DOCKERFILE))) {
      assertThat(made).contains(LAYOUT.checkout().resolve(source));
    }
  }

  @Test
  void startsOurProgramsFromTheirDistributions() {
    for (String program :
        matches(Pattern.compile("ENTRYPOINT \\[\"/opt/bianque/(\\S+)\"]"), text(DOCKERFILE))) {
      String module = program.startsWith("agent/") ? "probe-agent" : "stream-processors";
      String file = program.substring(program.indexOf('/') + 1);
      assertThat(LAYOUT.checkout().resolve(module + "/src/main/dist/" + file)).exists();
    }
  }

  @Test
  void givesTheAgentAndTheStreamTierConfigurationKeysThatTheyHave() {
    assertKeysExist("agent", "BIANQUE_AGENT_", "__", yaml("probe-agent/src/main/dist/agent.yaml"));
    assertKeysExist(
        "streams",
        "BIANQUE_STREAMS_",
        "_never_",
        yaml("stream-processors/src/main/dist/streams.yaml"));
  }

  private static void assertKeysExist(
      String service, String prefix, String separator, JsonNode defaults) {
    for (String variable : names(service(service).get("environment"))) {
      assertThat(variable).startsWith(prefix);
      JsonNode value = defaults;
      for (String key : variable.substring(prefix.length()).split(separator, -1)) {
        value = value.path(key.toLowerCase(java.util.Locale.ROOT));
      }
      assertThat(value.isMissingNode()).as(variable).isFalse();
    }
  }

  @Test
  void givesPrepareOptionsThatItHasAndEveryOneItNeeds() {
    List<String> arguments = new ArrayList<>(List.of("prepare"));
    service("prepare").get("command").forEach(argument -> arguments.add(argument.asText()));
    CommandLine.ParseResult parsed =
        Bianque.commandLine().parseArgs(arguments.toArray(String[]::new));
    assertThat(parsed.subcommand().commandSpec().name()).isEqualTo("prepare");
  }

  @Test
  void connectorsUseOnlyVariablesThatPrepareFills() throws IOException {
    Set<String> known = Standalone.variables(LAYOUT, new Ports(Ports.DEFAULT_BASE)).keySet();
    try (Stream<Path> connectors = Files.list(LAYOUT.deploy().resolve("connect"))) {
      for (Path connector : connectors.toList()) {
        String text = Files.readString(connector);
        assertThat(known).containsAll(matches(Pattern.compile("\\$\\{([^}]+)}"), text));
        JsonNode config = new ObjectMapper().readTree(text).get("config");
        String plugin = config.get("connector.class").asText().replace('.', '/') + ".java";
        assertThat(LAYOUT.checkout().resolve("sinks/src/main/java").resolve(plugin)).exists();
        assertThat("bianque.enriched.dropwatch").matches(config.get("topics.regex").asText());
      }
    }
  }

  @Test
  void declaresEveryVolumeThatIsMountedAndNoOther() {
    Set<String> mounted = new HashSet<>();
    for (String service : names(COMPOSE.get("services"))) {
      for (JsonNode volume : service(service).path("volumes")) {
        String source = volume.asText().substring(0, volume.asText().indexOf(':'));
        if (!source.startsWith("/")) {
          mounted.add(source);
        }
      }
    }
    assertThat(names(COMPOSE.get("volumes"))).containsExactlyInAnyOrderElementsOf(mounted);
  }

  @Test
  void dependsOnlyOnServicesThatAreThereAndHaveTheHealthCheckAskedFor() {
    for (String service : names(COMPOSE.get("services"))) {
      JsonNode needs = service(service).path("depends_on");
      for (String other : names(needs)) {
        JsonNode needed = service(other);
        assertThat(needed).as(service + " needs " + other).isNotNull();
        switch (needs.get(other).get("condition").asText()) {
          case "service_healthy" ->
              assertThat(needed.has("healthcheck")).as(other + " has a health check").isTrue();
          case "service_completed_successfully" ->
              assertThat(needed.path("restart").asText("no"))
                  .as(other + " may end")
                  .isIn("no", "on-failure");
          default -> {}
        }
      }
      assertThat(allNeeds(service)).as(service + " waits for itself").doesNotContain(service);
    }
  }

  private static Set<String> allNeeds(String service) {
    Set<String> all = new HashSet<>();
    List<String> open = new ArrayList<>(names(service(service).path("depends_on")));
    while (!open.isEmpty()) {
      String next = open.removeLast();
      if (all.add(next)) {
        open.addAll(names(service(next).path("depends_on")));
      }
    }
    return all;
  }

  @Test
  void namesOnlyNetworksThatItDeclares() {
    for (String service : names(COMPOSE.get("services"))) {
      JsonNode networks = service(service).path("networks");
      List<String> used = new ArrayList<>(names(networks));
      if (networks.isArray()) {
        networks.forEach(network -> used.add(network.asText()));
      }
      assertThat(names(COMPOSE.path("networks"))).as(service).containsAll(used);
    }
  }

  /** Names resolve only on the stack's own network, and only to what listens there. */
  @Test
  void reachesEachServiceByItsNameAtAPortThatItListensOn() {
    List<String> addresses = new ArrayList<>();
    for (String service : names(COMPOSE.get("services"))) {
      for (String place : List.of("environment", "command")) {
        service(service)
            .path(place)
            .forEach(value -> {
              for (String address : found(ADDRESS, value.asText())) {
                assertThat(service(service).has("network_mode"))
                    .as(service + " is on the stack's network, and may say " + address)
                    .isFalse();
                addresses.add(address);
              }
            });
      }
    }
    addresses.addAll(found(ADDRESS, text(CONNECT)));
    assertThat(addresses).contains("broker:9092", "registry:8080", "search:9200", "connect:8083");
    for (String address : addresses) {
      String[] parts = address.split(":", 2);
      assertThat(names(COMPOSE.get("services"))).as(address).contains(parts[0]);
      assertThat(listens(parts[0])).as(address).contains(parts[1]);
    }
  }

  /** A host's port that a process on the host's network is told must be a published one. */
  @Test
  void theAgentReachesTheBrokerAndTheRegistryAtPublishedPorts() {
    JsonNode environment = service("agent").get("environment");
    assertThat(environment.get("BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS").asText() + ":19092")
        .isEqualTo(service("broker").at("/ports/0").asText());
    assertThat(environment.get("BIANQUE_AGENT_REGISTRY__URL").asText())
        .startsWith(
            "http://" + service("registry").at("/ports/0").asText().replaceFirst(":\\d+$", "/"));
  }

  private static Set<String> listens(String service) {
    Set<String> ports = new HashSet<>();
    service(service)
        .path("ports")
        .forEach(port -> {
          Matcher published = PORT.matcher(port.asText());
          if (published.matches()) {
            ports.add(published.group(2));
          }
        });
    JsonNode listeners = service(service).at("/environment/KAFKA_LISTENERS");
    for (String listener : listeners.asText().split(",", -1)) {
      ports.add(listener.substring(listener.lastIndexOf(':') + 1));
    }
    return ports;
  }

  @Test
  void connectorsReadTheEnrichedTopicsOfAllProbesAndNameTopicsThatTheCatalogueHas()
      throws IOException {
    Catalogue catalogue = Catalogue.load();
    List<String> topics = catalogue.topics().stream().map(Topic::name).toList();
    List<String> enriched = catalogue.probes().stream().map(Topics::enriched).toList();
    try (Stream<Path> connectors = Files.list(LAYOUT.deploy().resolve("connect"))) {
      for (Path file : connectors.toList()) {
        JsonNode connector = new ObjectMapper().readTree(Files.readString(file));
        assertThat(connector.get("name").asText() + ".json")
            .isEqualTo(file.getFileName().toString());
        Pattern regex = Pattern.compile(connector.at("/config/topics.regex").asText());
        assertThat(topics)
            .as(file + " reads")
            .filteredOn(topic -> regex.matcher(topic).matches())
            .containsExactlyInAnyOrderElementsOf(enriched);
        JsonNode deadLetters = connector.at("/config/errors.deadletterqueue.topic.name");
        if (!deadLetters.isMissingNode()) {
          assertThat(topics).contains(deadLetters.asText());
        }
      }
    }
  }

  @Test
  void everyProbeHasItsIndexTemplateAmongThoseThatPreparePuts() throws IOException {
    for (String probe : Catalogue.load().probes()) {
      Path file = LAYOUT.deploy().resolve("elasticsearch/index-template-" + probe + ".json");
      JsonNode template = new ObjectMapper().readTree(Files.readString(file));
      List<String> patterns = new ArrayList<>();
      template.path("index_patterns").forEach(pattern -> patterns.add(pattern.asText()));
      assertThat(patterns).contains("logs-bianque." + probe + "-*");
    }
  }

  @Test
  void variablesOfTheEnvironmentHaveADefaultOrSayWhatToSet() {
    for (String variable : matches(Pattern.compile("\\$\\{([^}]+)}"), text("docker-compose.yml"))) {
      assertThat(variable).matches("BIANQUE_[A-Z0-9_]+(:-.+|:\\?.+)");
    }
  }

  private static JsonNode service(String name) {
    return COMPOSE.get("services").get(name);
  }

  private static String image(String service) {
    return service(service).get("image").asText();
  }

  private static List<String> names(JsonNode node) {
    Iterable<String> names = node::fieldNames;
    return StreamSupport.stream(names.spliterator(), false).toList();
  }

  private static List<String> matches(Pattern pattern, String text) {
    List<String> found = new ArrayList<>();
    for (Matcher matcher = pattern.matcher(text); matcher.find(); ) {
      found.add(matcher.group(1));
    }
    assertThat(found).as("matches of " + pattern).isNotEmpty();
    return found;
  }

  /** All that the pattern matches, whole. */
  private static List<String> found(Pattern pattern, String text) {
    return pattern.matcher(text).results().map(MatchResult::group).toList();
  }

  private static String text(String file) {
    try {
      return Files.readString(LAYOUT.checkout().resolve(file));
    } catch (IOException missing) {
      throw new AssertionError(missing);
    }
  }

  private static JsonNode yaml(String file) {
    try {
      return new YAMLMapper().readTree(text(file));
    } catch (IOException broken) {
      throw new AssertionError(file + " is not YAML", broken);
    }
  }
}
