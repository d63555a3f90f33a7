package io.bianque.standalone.part;

import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Apicurio Registry, reached through its Confluent-compatible API; its schemas are in an H2 file.
 */
public final class Registry {

  public static final String NAME = "registry";

  private Registry() {}

  public static Part part(Layout layout, Ports ports, Part.SetUp setUp) {
    return new Part(
        NAME,
        Versions.of("registry"),
        ports.registryApi(),
        layout.log(NAME),
        Set.of(),
        Set.of(),
        Duration.ofSeconds(10),
        Part.Ends.NEVER,
        () -> prepare(layout, ports),
        () -> Http.problem(ports.registryApi().resolve("v7/subjects")),
        setUp);
  }

  private static Command prepare(Layout layout, Ports ports) {
    Path home = layout.server(NAME).resolve("home");
    List<String> arguments = new ArrayList<>(Jvm.SMALL);
    arguments.addAll(
        List.of(
            "-Xmx192m",
            "-Djava.io.tmpdir=" + layout.of(NAME).resolve("tmp"),
            "-Dquarkus.http.host=127.0.0.1",
            "-Dquarkus.http.port=" + ports.registry(),
            "-jar",
            home.resolve("quarkus-run.jar").toString()));
    layout.of(NAME).resolve("tmp").toFile().mkdirs();
    return Command.java(layout.of(NAME), arguments)
        .with(
            Map.of(
                "APICURIO_STORAGE_KIND", "sql",
                "APICURIO_STORAGE_SQL_KIND", "h2",
                // Ids must outlive a restart, a kill included: they are in every record of every
                // topic.
                "APICURIO_DATASOURCE_URL",
                    "jdbc:h2:file:" + layout.of(NAME).resolve("schemas") + ";WRITE_DELAY=0",
                // Without this the management port listens on all addresses.
                "QUARKUS_MANAGEMENT_HOST", "127.0.0.1",
                "QUARKUS_MANAGEMENT_PORT", Integer.toString(ports.registryManagement())));
  }
}
