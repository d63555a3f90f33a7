package io.bianque.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
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
    for (String service : names(COMPOSE.get("services"))) {
      for (JsonNode port : service(service).path("ports")) {
        assertThat(port.asText()).as(service).startsWith("127.0.0.1:");
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
        if (needs.get(other).get("condition").asText().equals("service_healthy")) {
          assertThat(needed.has("healthcheck")).as(other + " has a health check").isTrue();
        }
      }
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
