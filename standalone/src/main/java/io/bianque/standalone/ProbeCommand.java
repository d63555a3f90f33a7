package io.bianque.standalone;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.InvalidCatalogue;
import io.bianque.schemas.check.SchemaCheck;
import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.standalone.live.StackState;
import io.bianque.standalone.part.Agent;
import io.bianque.standalone.prepare.SchemaSetUp;
import io.bianque.standalone.prepare.TopicSetUp;
import io.bianque.standalone.stack.Layout;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Probes that are not of this project: builds them, and adds them to what runs. */
@Command(
    name = "probe",
    description =
        "Builds a probe of your own (docs/own-probes.md), and makes the topics and schemas that its events need.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque probe build examples/execs/execs.bpf.c --into build/execs",
      "  ./bianque probe add build/execs                    to the stack that runs here",
      "  ./bianque probe add build/execs --bootstrap-servers broker:9092 \\",
      "      --registry http://registry:8080/apis/ccompat/v7   to another; its agents get the files by your own means",
      "  ./bianque probe remove execs"
    },
    subcommands = {ProbeCommand.Build.class, ProbeCommand.Add.class, ProbeCommand.Remove.class},
    mixinStandardHelpOptions = true)
public final class ProbeCommand implements Callable<Integer> {

  private static final String SOURCE = ".bpf.c";
  private static final String OBJECT = ".bpf.o";
  private static final String SCHEMA = ".avsc";

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return ExitCode.USAGE;
  }

  /** Compiles and checks one. */
  @Command(
      name = "build",
      description =
          "Compiles a probe, and checks that its object, its schemas and the agent agree. Loads nothing into the kernel.",
      mixinStandardHelpOptions = true)
  static final class Build implements Callable<Integer> {

    @Parameters(paramLabel = "NAME.bpf.c", description = "The program; its schemas lie beside it.")
    private Path source;

    @Option(
        names = "--into",
        paramLabel = "FOLDER",
        required = true,
        description = "Where the object and a copy of the schemas go.")
    private Path into;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
      if (!source.getFileName().toString().endsWith(SOURCE) || !Files.isRegularFile(source)) {
        throw new UserError(ExitCode.USAGE, source + " is no file NAME" + SOURCE);
      }
      String name = stem(source, SOURCE);
      List<Path> schemas = schemas(source.toAbsolutePath().getParent(), name);
      read(schemas);
      Files.createDirectories(into);
      Path object = into.resolve(name + OBJECT);
      Layout layout = Layout.of(Path.of("."));
      run(
          "compiling " + source,
          Map.of(),
          List.of(
              "clang",
              "-target",
              "bpf",
              "-g",
              "-O2",
              "-Wall",
              "-I",
              layout.checkout().resolve("bpf").toString(),
              "-c",
              source.toString(),
              "-o",
              object.toString()));
      run(
          "taking out what is for debuggers",
          Map.of(),
          List.of("llvm-strip", "-g", object.toString()));
      for (Path schema : schemas) {
        Files.copy(schema, into.resolve(schema.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
      String found =
          run(
              "matching object and schemas",
              Map.of("BIANQUE_AGENT_PROBE_FOLDERS", into.toAbsolutePath().toString()),
              List.of(layout.agentDist().resolve("bin/bianque-agent").toString(), "--dry-run"));
      PrintWriter out = spec.commandLine().getOut();
      out.print(found);
      out.println("built: " + object + "; next: ./bianque probe add " + into);
      return ExitCode.OK;
    }
  }

  /** Makes room for one in a pipeline, and gives it to the agent here. */
  @Command(
      name = "add",
      description =
          "Makes a built probe's topics, registers its schemas, and gives it to this machine's agent.",
      mixinStandardHelpOptions = true)
  static final class Add implements Callable<Integer> {

    @Parameters(paramLabel = "FOLDER", description = "What probe build made.")
    private Path folder;

    @Option(
        names = "--bootstrap-servers",
        description = "Brokers of another pipeline than the one that runs here: host:port,…")
    private Optional<String> bootstrapServers;

    @Option(names = "--registry", description = "Its schema registry's Confluent API.")
    private Optional<URI> registry;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
      List<Path> objects = files(folder, OBJECT);
      if (objects.isEmpty()) {
        throw new UserError(
            ExitCode.USAGE,
            folder + " has no object *" + OBJECT + "; ./bianque probe build makes one");
      }
      if (bootstrapServers.isPresent() != registry.isPresent()) {
        throw new UserError(ExitCode.USAGE, "--bootstrap-servers and --registry go together");
      }
      List<Path> schemas = files(folder, SCHEMA);
      Layout layout = Layout.of(Path.of("."));
      Optional<StackState> here =
          bootstrapServers.isPresent()
              ? Optional.empty()
              : Optional.of(
                  StackState.readRunning(layout)
                      .orElseThrow(() ->
                          new UserError(
                              ExitCode.NOT_RUNNING,
                              "no stack runs here; ./bianque up starts one, --bootstrap-servers names another")));
      PrintWriter out = spec.commandLine().getOut();
      try {
        Catalogue catalogue = Catalogue.ofOwn(read(schemas));
        TopicSetUp.run(
            bootstrapServers.orElseGet(() -> here.orElseThrow().ports().bootstrapServers()),
            catalogue);
        SchemaSetUp.run(
            registry.orElseGet(() -> here.orElseThrow().ports().registryApi()), catalogue);
        catalogue.topics().forEach(topic -> out.println("topic " + topic.name()));
      } catch (InvalidCatalogue | RegistryUnreachable | RegistryRefused refused) {
        throw new UserError(ExitCode.FAILED, refused.getMessage());
      }
      if (here.isPresent()) {
        drop(layout, objects, schemas, out);
      }
      return ExitCode.OK;
    }

    private void drop(Layout layout, List<Path> objects, List<Path> schemas, PrintWriter out)
        throws IOException {
      Path own = ownProbes(layout);
      // The object last: with it, the probe is there.
      for (Path file : Stream.concat(schemas.stream(), objects.stream()).toList()) {
        Files.copy(file, own.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
      out.println("given to the agent: " + own);
    }
  }

  /** Takes one away from the agent here. */
  @Command(
      name = "remove",
      description = "Takes a probe of your own away from this machine's agent; its topics stay.",
      mixinStandardHelpOptions = true)
  static final class Remove implements Callable<Integer> {

    @Parameters(paramLabel = "NAME", description = "The probe.")
    private String name;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
      Path own = ownProbes(Layout.of(Path.of(".")));
      if (!Files.deleteIfExists(own.resolve(name + OBJECT))) {
        throw new UserError(ExitCode.FAILED, own + " has no probe " + name);
      }
      for (Path schema : schemas(own, name)) {
        Files.delete(schema);
      }
      spec.commandLine().getOut().println("taken away from the agent: " + name);
      return ExitCode.OK;
    }
  }

  private static Path ownProbes(Layout layout) throws IOException {
    String said = System.getenv(Agent.OWN_PROBES);
    Path folder = said == null ? layout.of(Agent.NAME).resolve("own-probes") : Path.of(said);
    if (!Files.isDirectory(folder)) {
      throw new UserError(
          ExitCode.FAILED,
          "this stack's agent takes no probes of your own: start it with ./bianque up --own-probes");
    }
    return folder;
  }

  /** The checked schemas; what is wrong with them is said all at once. */
  private static List<Schema> read(List<Path> files) throws IOException {
    List<Schema> schemas = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Path file : files) {
      try {
        Schema schema = new Schema.Parser().parse(Files.readString(file));
        problems.addAll(SchemaCheck.problems(file.toString(), schema));
        schemas.add(schema);
      } catch (AvroRuntimeException e) {
        problems.add(file + ": is no Avro schema: " + e.getMessage());
      }
    }
    if (files.isEmpty()) {
      problems.add("there is no schema NAME" + SCHEMA + " beside it");
    }
    if (!problems.isEmpty()) {
      throw new UserError(ExitCode.FAILED, String.join("\n", problems));
    }
    return schemas;
  }

  /** A probe's own, and those of its polled maps. */
  private static List<Path> schemas(Path folder, String name) throws IOException {
    return files(folder, SCHEMA).stream()
        .filter(file -> {
          String stem = stem(file, SCHEMA);
          return stem.equals(name) || stem.startsWith(name + "_");
        })
        .toList();
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new UserError(ExitCode.USAGE, folder + " is no folder");
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().endsWith(ending)).sorted().toList();
    }
  }

  private static String stem(Path file, String ending) {
    String name = file.getFileName().toString();
    return name.substring(0, name.length() - ending.length());
  }

  private static String run(String doing, Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(new HashMap<>(environment));
    Process process;
    try {
      process = builder.start();
    } catch (IOException missing) {
      throw new UserError(
          ExitCode.MACHINE, doing + ": " + missing.getMessage() + " (apt-get install clang llvm)");
    }
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new UserError(ExitCode.FAILED, doing + " failed:\n" + output.strip());
    }
    return output;
  }
}
