package io.bianque.standalone.part;

import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The probe agent: on this machine's kernel, or playing its recording. */
public final class Agent {

  public static final String NAME = "agent";

  private Agent() {}

  /**
   * The agent as a part.
   *
   * @param arguments of {@code bianque-agent} beyond its configuration file
   */
  public static Part part(Layout layout, Ports ports, List<String> arguments) {
    URI url = ports.http(ports.agent());
    return new Part(
        NAME,
        Versions.of("bianque"),
        url,
        layout.log(NAME),
        Set.of(Broker.NAME, Registry.NAME),
        Set.of(),
        Duration.ofSeconds(15),
        () -> prepare(layout, ports, arguments),
        () -> Http.problem(url.resolve("/health")),
        Part.SetUp.NOTHING);
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
    return new Command(
        line,
        Map.of(
            "JAVA_HOME", System.getProperty("java.home"),
            "BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS", ports.bootstrapServers(),
            "BIANQUE_AGENT_REGISTRY__URL", ports.registryApi().toString(),
            "BIANQUE_AGENT_HTTP__PORT", Integer.toString(ports.agent()),
            "BIANQUE_AGENT_STATE_DIR", folder.resolve("state").toString()),
        folder);
  }
}
