package io.bianque.agent;

import static java.util.function.Predicate.not;
import static java.util.stream.Collectors.toSet;

import io.bianque.agent.binary.MappedFiles;
import io.bianque.agent.binary.PerfMaps;
import io.bianque.agent.config.AgentConfig;
import io.bianque.agent.config.ConfigReader;
import io.bianque.agent.config.FileTrouble;
import io.bianque.agent.config.InvalidConfig;
import io.bianque.agent.container.ContainerWatch;
import io.bianque.agent.control.ControlFollower;
import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.host.HostException;
import io.bianque.agent.host.HostFactsReader;
import io.bianque.agent.host.HostIdentity;
import io.bianque.agent.host.HostRoot;
import io.bianque.agent.host.Kallsyms;
import io.bianque.agent.host.ModuleWatch;
import io.bianque.agent.http.LocalHttp;
import io.bianque.agent.http.Pages;
import io.bianque.agent.probe.Doctor;
import io.bianque.agent.probe.OwnProbes;
import io.bianque.agent.probe.Pins;
import io.bianque.agent.probe.ProbeFiles;
import io.bianque.agent.probe.ProbeSettings;
import io.bianque.agent.probe.Probes;
import io.bianque.agent.probe.Prospect;
import io.bianque.agent.publish.CounterBook;
import io.bianque.agent.publish.Facts;
import io.bianque.agent.publish.ProbeRows;
import io.bianque.agent.publish.Publisher;
import io.bianque.agent.publish.SymbolFeed;
import io.bianque.agent.record.Player;
import io.bianque.agent.record.Recorder;
import io.bianque.facts.HostFacts;
import io.bianque.facts.ProbeCounters;
import io.bianque.schemas.control.HostTraits;
import io.bianque.schemas.raw.KernelEnum;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The agent's command. */
public final class Agent {
  private static final Logger LOG = LoggerFactory.getLogger(Agent.class);

  /** Exit codes; a stop by SIGTERM or Ctrl-C is the JVM's 143 or 130. */
  private static final int OK = 0;

  private static final int FAILED = 1;
  private static final int USAGE = 2;

  private static final Duration GUARD_WINDOW = Duration.ofSeconds(10);
  private static final int GUARD_PATIENCE = 6;
  private static final Duration OWN_PROBES_INTERVAL = Duration.ofSeconds(2);

  private static final CountDownLatch DONE = new CountDownLatch(1);

  private Agent() {}

  public static void main(String[] args) {
    int code;
    try {
      code = run(Arguments.parse(args));
    } catch (Arguments.Invalid e) {
      System.err.println("bianque-agent: " + e.getMessage() + "\nTry bianque-agent --help");
      code = USAGE;
    } catch (InvalidConfig e) {
      System.err.println("bianque-agent: the configuration is refused:\n" + e.getMessage());
      code = USAGE;
    } catch (HostException | UncheckedIOException e) {
      System.err.println("bianque-agent: " + e.getMessage());
      code = FAILED;
    } catch (IOException e) {
      System.err.println("bianque-agent: " + FileTrouble.words(e));
      code = FAILED;
    } catch (RuntimeException e) {
      LOG.error("the agent ends after an error that should not be", e);
      code = FAILED;
    }
    DONE.countDown();
    if (code != OK) {
      System.exit(code);
    }
  }

  private static int run(Arguments arguments) throws IOException {
    return switch (arguments.mode()) {
      case HELP -> {
        System.out.print(Arguments.HELP);
        yield OK;
      }
      case VERSION -> {
        System.out.println(version());
        yield OK;
      }
      case RUN -> observe(config(arguments));
      case RECORD -> record(config(arguments), arguments);
      case PLAY -> play(config(arguments), arguments);
      case DETACH -> detach(config(arguments));
      case DRY_RUN -> {
        List<Prospect> prospects = Prospect.of(probeSettings(config(arguments)));
        System.out.print(Findings.text(prospects));
        yield prospects.stream().anyMatch(Prospect::isBroken) ? FAILED : OK;
      }
      case DOCTOR -> {
        Doctor.Examination found = Doctor.examine(probeSettings(config(arguments)));
        System.out.print(arguments.json() ? Findings.json(found) : Findings.text(found));
        yield Findings.works(found) ? OK : FAILED;
      }
    };
  }

  private static AgentConfig config(Arguments arguments) {
    return ConfigReader.read(arguments.config(), System.getenv(), dist());
  }

  private static Path dist() {
    return Path.of(System.getProperty("bianque.dist", ".")).toAbsolutePath().normalize();
  }

  private static int observe(AgentConfig config) throws IOException {
    try (StateLock _ = StateLock.take(config.stateDir())) {
      HostIdentity host = HostIdentity.load(HostRoot.SYSTEM, config.stateDir());
      host.remarks().forEach(LOG::info);
      new Running(config, host).run();
    }
    return OK;
  }

  private static int detach(AgentConfig config) throws IOException {
    try (StateLock _ = StateLock.take(config.stateDir())) {
      List<String> probes = pins(config).map(Pins::deleteAll).orElse(List.of());
      System.out.println(
          probes.isEmpty()
              ? "no probe was left in the kernel"
              : "detached: " + String.join(", ", probes));
    }
    return OK;
  }

  private static Optional<Pins> pins(AgentConfig config) {
    return config.pinFolder().map(folder -> new Pins(folder, config.stateDir().resolve("pinned")));
  }

  /** Where probes can be pinned; empty where they end with the agent, which is said. */
  private static Optional<Pins> usablePins(AgentConfig config) {
    return pins(config)
        .filter(pins -> {
          Optional<String> trouble = pins.trouble();
          trouble.ifPresent(reason -> LOG.warn("probes end with this agent: {}", reason));
          return trouble.isEmpty();
        });
  }

  private static int record(AgentConfig config, Arguments arguments) throws IOException {
    HostIdentity host = HostIdentity.load(HostRoot.SYSTEM, config.stateDir());
    HostFacts facts = factsReader(config, host).read();
    try (Recorder recorder = new Recorder(arguments.file(), host.hostId(), schemas(config));
        Probes probes =
            new Probes(
                probeSettings(config),
                host.hostId(),
                host.bootId(),
                ClockOffset::measureNanos,
                perfMaps(config).map(CodeNames.class::cast).orElse(CodeNames.NONE),
                (probe, _, wallNanos, buffer, offset, length, _) ->
                    recorder.event(probe, wallNanos, buffer, offset, length))) {
      recorder.facts(facts);
      ContainerWatch containers = containers(config, host);
      recorder.containers(containers.look());
      var _ = new Kallsyms(HostRoot.SYSTEM).stream(facts, _ -> true, recorder::symbols);
      probes.startAll();
      probes.report().forEach(report -> LOG.info("probe {}: {}", report.probe(), report.state()));
      // So that a recording says which hooks held: at its end all are stopped.
      recorder.counters(rows(probes, host));
      Drain drain = new Drain(probes, config, _ -> {});
      stopOnSignal(drain);
      arguments.duration().ifPresent(drain::stopAfter);
      drain.run();
      probes.stopAll();
      recorder.containers(containers.look());
      recorder.counters(rows(probes, host));
      LOG.info("{} events recorded to {}", recorder.events(), arguments.file());
    }
    return OK;
  }

  private static int play(AgentConfig config, Arguments arguments) throws IOException {
    Player.Played played =
        new Player(config).play(arguments.file(), arguments.rate(), arguments.shiftToNow());
    LOG.info(
        "{} events and {} facts played from {}", played.events(), played.facts(), arguments.file());
    return OK;
  }

  private static HostFactsReader factsReader(AgentConfig config, HostIdentity host)
      throws IOException {
    Set<String> enums =
        schemas(config).values().stream()
            .flatMap(schema -> KernelEnum.in(schema).stream())
            .collect(Collectors.toSet());
    return new HostFactsReader(HostRoot.SYSTEM, host, version(), config.labels(), enums);
  }

  private static ContainerWatch containers(AgentConfig config, HostIdentity host) {
    return new ContainerWatch(
        HostRoot.SYSTEM,
        host.hostId(),
        host.bootId(),
        config.stateDir().resolve("containers"),
        InstantSource.system());
  }

  private static Optional<PerfMaps> perfMaps(AgentConfig config) {
    OptionalLong bytes = config.perfMapBytes();
    return bytes.isPresent()
        ? Optional.of(new PerfMaps(HostRoot.SYSTEM, bytes.getAsLong()))
        : Optional.empty();
  }

  private static Map<String, Schema> schemas(AgentConfig config) throws IOException {
    Map<String, Schema> schemas = new HashMap<>();
    for (ProbeFiles files : ProbeFiles.in(config.probeFolders())) {
      for (Path file : files.schemas()) {
        Schema schema = new Schema.Parser().parse(Files.readString(file));
        schemas.put(schema.getName(), schema);
      }
    }
    return schemas;
  }

  private static List<ProbeCounters> rows(Probes probes, HostIdentity host) {
    return probes.report().stream()
        .map(report -> ProbeRows.of(report, host.hostId(), host.bootId()))
        .toList();
  }

  /** At SIGTERM the JVM ends when the work is done. */
  private static void stopOnSignal(Drain drain) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  drain.stop();
                  try {
                    DONE.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                },
                "bq-stop"));
  }

  static String version() {
    return Optional.ofNullable(Agent.class.getPackage().getImplementationVersion())
        .orElse("development");
  }

  /** The parts at work, from start to stop. */
  private static final class Running {
    private final AgentConfig config;
    private final Probes probes;
    private final Publisher publisher;
    private final Drain drain;
    private final Optional<ControlFollower> control;
    private final Optional<LocalHttp> http;
    private volatile boolean started;
    private final MemoryTrim trim = new MemoryTrim(dist().resolve("agent.aot"));

    Running(AgentConfig config, HostIdentity host) throws IOException {
      this.config = config;
      HostFactsReader facts = factsReader(config, host);
      CounterBook counters =
          new CounterBook(
              config.stateDir().resolve("counters"),
              () -> rows(probes(), host),
              report -> ProbeRows.of(report, host.hostId(), host.bootId()));
      ContainerWatch containers = containers(config, host);
      SymbolFeed symbols =
          new SymbolFeed(
              (wanted, sink) -> {
                var _ = new Kallsyms(HostRoot.SYSTEM).stream(facts.read(), wanted, sink);
                trim.startEnded();
              },
              !config.control().enabled());
      SymbolFeed files = new SymbolFeed(new MappedFiles(HostRoot.SYSTEM)::stream, false);
      Optional<PerfMaps> perfMaps = perfMaps(config);
      this.publisher =
          new Publisher(
              config,
              host.hostId(),
              host.bootId(),
              new Facts(
                  host.hostId(),
                  facts::read,
                  List.of(symbols, files),
                  new ModuleWatch(HostRoot.SYSTEM)::changed,
                  containers,
                  counters,
                  config.intervals()));
      this.probes =
          new Probes(
              probeSettings(config, usablePins(config)),
              host.hostId(),
              host.bootId(),
              ClockOffset::measureNanos,
              perfMaps.map(CodeNames.class::cast).orElse(CodeNames.NONE),
              publisher);
      GuardRails guard =
          new GuardRails(probes, config.guard(), GUARD_WINDOW, GUARD_PATIENCE, this::noteRetry);
      this.drain =
          new Drain(
              probes,
              config,
              now -> {
                trim.turn(now);
                guard.turn(now);
              });
      this.control =
          config.control().enabled()
              ? Optional.of(control(host.hostId(), facts.read(), symbols, files))
              : Optional.empty();
      Pages pages =
          new Pages(
              version(),
              host.hostId(),
              () -> started,
              () -> counters.present(publisher::countsOf),
              publisher::state,
              () -> control.map(ControlFollower::report),
              containers::report,
              () -> perfMaps.map(PerfMaps::report));
      this.http = listen(config, pages);
    }

    private Probes probes() {
      return probes;
    }

    private void noteRetry() {
      drain.noteRetry();
    }

    /** A schema that cannot be read is no schema of a probe that can be loaded either. */
    private void announce(ProbeFiles files) {
      for (Path file : files.schemas()) {
        try {
          Schema schema = new Schema.Parser().parse(Files.readString(file));
          publisher.add(schema.getName(), schema);
        } catch (IOException | AvroRuntimeException e) {
          LOG.warn("{} is no Avro schema: {}", file, e.getMessage());
        }
      }
    }

    private static void watch(OwnProbes own) {
      Thread.ofPlatform()
          .daemon()
          .name("bq-own-probes")
          .start(() -> {
            try {
              while (true) {
                Thread.sleep(OWN_PROBES_INTERVAL);
                try {
                  own.look();
                } catch (RuntimeException e) {
                  LOG.error("own probes are looked at again after an error that should not be", e);
                }
              }
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
    }

    private ControlFollower control(
        String hostId, HostFacts facts, SymbolFeed symbols, SymbolFeed files) {
      return new ControlFollower(
          config,
          new HostTraits(hostId, config.labels(), facts.getKernelRelease()),
          facts.getHostName(),
          probes,
          drain::noteRetry,
          publisher::outcome,
          asked -> {
            symbols.ask(asked.stream().filter(not(MappedFiles::has)).collect(toSet()));
            files.ask(asked.stream().filter(MappedFiles::has).collect(toSet()));
          });
    }

    private static Optional<LocalHttp> listen(AgentConfig config, Pages pages) throws IOException {
      if (config.http().port().isEmpty()) {
        return Optional.empty();
      }
      int port = config.http().port().get();
      try {
        LocalHttp http = new LocalHttp(port, pages.byPath());
        LOG.info("metrics and health on http://127.0.0.1:{}", http.port());
        return Optional.of(http);
      } catch (java.net.BindException e) {
        throw new IOException(
            "port %d of http.port: %s; is another agent running?".formatted(port, e.getMessage()),
            e);
      }
    }

    void run() throws IOException {
      stopOnSignal(drain);
      if (Rehearsal.asked().isPresent()) {
        Rehearsal.load(Rehearsal.asked().get());
        drain.stopAfter(Rehearsal.LENGTH);
      }
      schemas(config).forEach(publisher::add);
      publisher.start();
      Optional<OwnProbes> own =
          config.ownProbes().map(folder -> new OwnProbes(folder, probes, this::announce));
      own.ifPresent(OwnProbes::begin);
      probes.startAll();
      started = true;
      trim.startEnded();
      own.ifPresent(Running::watch);
      probes.report().forEach(report -> LOG.info("probe {}: {}", report.probe(), report.state()));
      control.ifPresent(ControlFollower::start);
      drain.run();
      control.ifPresent(ControlFollower::close);
      probes.stopUnpinned();
      publisher.stop(config.intervals().stop());
      probes.leave();
      http.ifPresent(each -> {
        try {
          each.close();
        } catch (IOException e) {
          LOG.debug("http: {}", e.toString());
        }
      });
      LOG.info("stopped");
    }
  }

  private static ProbeSettings probeSettings(AgentConfig config) {
    return probeSettings(config, Optional.empty());
  }

  private static ProbeSettings probeSettings(AgentConfig config, Optional<Pins> pins) {
    Map<String, Boolean> enabled = new HashMap<>();
    config
        .probes()
        .forEach((name, probe) -> probe.enabled().ifPresent(said -> enabled.put(name, said)));
    Map<String, Map<String, String>> tunables =
        config.probes().entrySet().stream()
            .collect(
                Collectors.toMap(
                    Map.Entry::getKey,
                    entry ->
                        entry.getValue().tunables().entrySet().stream()
                            .collect(
                                Collectors.toMap(
                                    Map.Entry::getKey, each -> each.getValue().text()))));
    return new ProbeSettings(
        config.probeFolders(),
        enabled,
        config.blacklist(),
        tunables,
        config.events().channel(),
        config.events().channelBytes(),
        config.intervals().probeRetry(),
        pins);
  }
}
