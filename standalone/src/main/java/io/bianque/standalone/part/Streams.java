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
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The stream tier: enrichment, rules, ledger. */
public final class Streams {

  public static final String NAME = "streams";

  /** What a user may edit: the distribution's at the first start. */
  private static final List<String> EDITABLE = List.of("streams.yaml", "rules.yaml");

  /** Variable of the launcher: flags that come behind its own. */
  public static final String FLAGS = "BIANQUE_JVM_STREAMS";

  /** The launcher's own are for a machine that has nothing else to do. */
  public static final String SMALL =
      "-Xms48m -Xmx160m -Xmn32m -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=40m"
          + " -XX:-UseTransparentHugePages";

  private Streams() {}

  public static Part part(Layout layout, Ports ports) {
    URI url = ports.http(ports.streams());
    return new Part(
        NAME,
        Versions.of("bianque"),
        url,
        layout.log(NAME),
        Set.of(Broker.NAME, Registry.NAME),
        Set.of(),
        Duration.ofSeconds(15),
        Part.Ends.NEVER,
        () -> prepare(layout, ports),
        () -> Http.problem(url.resolve("/health")),
        Part.SetUp.NOTHING);
  }

  private static Command prepare(Layout layout, Ports ports) throws IOException {
    Path folder = layout.of(NAME);
    Files.createDirectories(folder.resolve("state"));
    for (String file : EDITABLE) {
      if (!Files.exists(folder.resolve(file))) {
        Files.copy(layout.streamsDist().resolve(file), folder.resolve(file));
      }
    }
    return new Command(
        List.of(
            layout.streamsDist().resolve("bin/bianque-streams").toString(),
            "--config",
            folder.resolve("streams.yaml").toString()),
        Map.of(
            "JAVA_HOME",
            System.getProperty("java.home"),
            "BIANQUE_STREAMS_BOOTSTRAP_SERVERS",
            ports.bootstrapServers(),
            "BIANQUE_STREAMS_REGISTRY_URL",
            ports.registryApi().toString(),
            "BIANQUE_STREAMS_HTTP_PORT",
            Integer.toString(ports.streams()),
            "BIANQUE_STREAMS_STATE_DIR",
            folder.resolve("state").toString(),
            FLAGS,
            System.getenv().getOrDefault(FLAGS, SMALL)),
        folder);
  }
}
