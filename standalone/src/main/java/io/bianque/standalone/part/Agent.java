package io.bianque.standalone.part;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The probe agent: on this machine's kernel, or playing its recording. */
public final class Agent {

  public static final String NAME = "agent";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PIN_FOLDER = "BIANQUE_AGENT_PIN_FOLDER";

  /** Environment variable of the folder whose probes the agent loads while it runs. */
  public static final String OWN_PROBES = "BIANQUE_AGENT_OWN_PROBES";

  private Agent() {}

  /** Makes that folder, for its owner alone. */
  public static Path ownProbes(Layout layout) throws IOException {
    Path folder = layout.of(NAME).resolve("own-probes");
    Files.createDirectories(folder);
    return Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
  }

  /** The agent on this machine's kernel. */
  public static Part live(Layout layout, Ports ports) {
    URI health = ports.http(ports.agent()).resolve("/health");
    return part(
        layout, ports, Part.Ends.NEVER, () -> Http.problem(health, Agent::illness), List::of);
  }

  /** Out of its /health: what makes the agent ill, in words that stay the same while it does. */
  private static String illness(String health) throws IOException {
    JsonNode said = JSON.readTree(health);
    if (said.path("status").asText().equals("starting")) {
      return "its probes are being attached";
    }
    List<String> reasons = new ArrayList<>();
    said.path("trouble").forEach(each -> reasons.add(each.asText()));
    for (JsonNode probe : said.path("probes")) {
      if (probe.path("state").asText().equals("failed")) {
        reasons.add(
            "probe %s failed: %s"
                .formatted(probe.path("name").asText(), probe.path("reason").asText()));
      }
    }
    return String.join("; ", reasons);
  }

  /** The agent playing the recording in its distribution, once. */
  public static Part recorded(Layout layout, Ports ports) {
    return part(
        layout,
        ports,
        Part.Ends.WHEN_DONE,
        Optional::empty,
        () -> List.of("--play", recording(layout).toString(), "--shift-to-now"));
  }

  /** What follows the configuration file on the agent's command line. */
  private interface Arguments {
    List<String> get() throws IOException;
  }

  private static Part part(
      Layout layout, Ports ports, Part.Ends ends, Part.Health health, Arguments arguments) {
    return new Part(
        NAME,
        Versions.of("bianque"),
        ports.http(ports.agent()),
        layout.log(NAME),
        Set.of(Broker.NAME, Registry.NAME),
        Set.of(),
        Duration.ofSeconds(15),
        ends,
        () -> prepare(layout, ports, arguments.get()),
        health,
        Part.SetUp.NOTHING);
  }

  private static Path recording(Layout layout) throws IOException {
    Path folder = layout.agentDist().resolve("recordings");
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .sorted()
          .findFirst()
          .orElseThrow(() -> new IOException("no recording in " + folder));
    }
  }

  /**
   * The file that a user may edit; it is made of the distribution's defaults at the first start.
   */
  public static Path configFile(Layout layout) {
    return layout.of(NAME).resolve("agent.yaml");
  }

  private static Command prepare(Layout layout, Ports ports, List<String> arguments)
      throws IOException {
    Path folder = layout.of(NAME);
    Files.createDirectories(folder.resolve("state"));
    if (!Files.exists(configFile(layout))) {
      Files.copy(layout.agentDist().resolve("agent.yaml"), configFile(layout));
    }
    List<String> line = new ArrayList<>();
    line.add(layout.agentDist().resolve("bin/bianque-agent").toString());
    line.addAll(List.of("--config", configFile(layout).toString()));
    line.addAll(arguments);
    Map<String, String> environment = new HashMap<>();
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS", ports.bootstrapServers());
    environment.put("BIANQUE_AGENT_REGISTRY__URL", ports.registryApi().toString());
    environment.put("BIANQUE_AGENT_HTTP__PORT", Integer.toString(ports.agent()));
    environment.put("BIANQUE_AGENT_STATE_DIR", folder.resolve("state").toString());
    // Without arguments it watches the kernel.
    if (arguments.isEmpty() && System.getenv(PIN_FOLDER) == null) {
      environment.put(PIN_FOLDER, PinMount.open(layout).map(Path::toString).orElse("none"));
    }
    return new Command(line, environment, folder);
  }
}
