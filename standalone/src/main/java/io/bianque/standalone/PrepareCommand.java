package io.bianque.standalone;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.standalone.prepare.ConnectorSetUp;
import io.bianque.standalone.prepare.SchemaSetUp;
import io.bianque.standalone.prepare.SearchSetUp;
import io.bianque.standalone.prepare.TopicSetUp;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Puts topics, schemas, templates and connectors into servers that somebody else runs. */
@Command(
    name = "prepare",
    description =
        "Makes the catalogue's topics, registers the schemas, puts the index templates and configures the connectors,"
            + " in servers that run already. May be repeated at any time.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  prepare --bootstrap-servers=broker:9092 --registry=http://registry:8080/apis/ccompat/v7 \\",
      "          --search=http://search:9200 --connect=http://connect:8083 --deploy=deploy \\",
      "          --lines-path=/var/lib/bianque/lines"
    },
    mixinStandardHelpOptions = true)
public final class PrepareCommand implements Callable<Integer> {

  @Option(names = "--bootstrap-servers", required = true, description = "The brokers: host:port,…")
  private String bootstrapServers;

  @Option(
      names = "--registry",
      required = true,
      description = "The schema registry's Confluent API.")
  private URI registry;

  @Option(names = "--search", required = true, description = "Elasticsearch or OpenSearch.")
  private URI search;

  @Option(names = "--connect", required = true, description = "A Connect worker's REST API.")
  private URI connect;

  @Option(
      names = "--deploy",
      required = true,
      description = "Folder with elasticsearch/ and connect/.")
  private Path deploy;

  @Option(
      names = "--lines-path",
      required = true,
      description = "Where the Connect workers write JSON Lines files.")
  private String linesPath;

  @Option(
      names = "--namespace",
      defaultValue = Standalone.NAMESPACE,
      description = "Last part of the data streams' names. Default: ${DEFAULT-VALUE}.")
  private String namespace;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    for (String folder : new String[] {"elasticsearch", "connect"}) {
      if (!Files.isDirectory(deploy.resolve(folder))) {
        throw new UserError(
            ExitCode.USAGE, "--deploy: there is no folder " + deploy.resolve(folder));
      }
    }
    PrintWriter out = spec.commandLine().getOut();
    try {
      TopicSetUp.run(bootstrapServers, Catalogue.load());
      out.println("topics: as in the catalogue");
      SchemaSetUp.run(registry, Catalogue.load());
      out.println("schemas: registered");
      SearchSetUp.run(search, deploy.resolve("elasticsearch"));
      out.println("index templates: put");
      ConnectorSetUp.run(connect, deploy.resolve("connect"), variables());
      out.println("connectors: configured");
    } catch (IOException | RegistryUnreachable | RegistryRefused failed) {
      throw new UserError(ExitCode.FAILED, failed.getMessage() + "; it may be tried again");
    }
    return ExitCode.OK;
  }

  private Map<String, String> variables() {
    return Map.of(
        "bootstrap.servers", bootstrapServers,
        "registry.url", registry.toString(),
        "search.url", search.toString(),
        "lines.path", linesPath,
        "namespace", namespace);
  }
}
