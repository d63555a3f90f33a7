package io.bianque.streams.run;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.streams.config.Settings;
import io.bianque.streams.dns.NameSource;
import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.enrich.EnrichTopology;
import io.bianque.streams.metrics.Prometheus;
import io.bianque.streams.metrics.StreamMetrics;
import io.bianque.streams.network.Networks;
import io.bianque.streams.part.Part;
import io.bianque.streams.part.Shared;
import io.bianque.streams.rule.InvalidRules;
import io.bianque.streams.ruleset.Cluster;
import io.bianque.streams.ruleset.LiveRules;
import io.bianque.streams.ruleset.RuleSetFollower;
import io.bianque.streams.schema.FetchedSchemas;
import io.bianque.streams.schema.SchemaPending;
import io.bianque.streams.symbol.SymbolTables;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.rocksdb.NativeLibraryLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running process: waits until topics and schemas are there, runs Kafka Streams, stops it when
 * it can do nothing, and knows how all of that is. Thread-safe.
 */
public final class StreamTier implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StreamTier.class);
  private static final Duration RETRY = Duration.ofSeconds(2);

  /** Until an answer that is on its way is looked for again. */
  private static final Duration ASKING = Duration.ofMillis(100);

  private static final Duration ADMIN_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(20);

  /**
   * More threads than that replaced within {@link #FAILURES_WITHIN}: the process is of no use, and
   * says so by ending.
   */
  private static final int FAILURES = 10;

  private static final Duration FAILURES_WITHIN = Duration.ofMinutes(5);

  private final Settings settings;
  private final boolean enriches;
  private final LiveRules rules;
  private final RuleSetFollower following;
  private final Networks networks;
  private final Catalogue catalogue = Catalogue.load();
  private final StreamMetrics metrics = new StreamMetrics();
  private final Optional<ReverseNames> names;
  private final Admin admin;
  private final RegistryClient registry;
  private final FetchedSchemas schemas;
  private final SymbolTables tables;
  private final ScheduledExecutorService fetching =
      Executors.newSingleThreadScheduledExecutor(run -> daemon("fetch", run));
  private final ScheduledExecutorService watching =
      Executors.newSingleThreadScheduledExecutor(run -> daemon("watch", run));
  private final CountDownLatch ended = new CountDownLatch(1);

  private volatile List<String> startWaitsFor = List.of("has not begun");
  private volatile List<String> partitionMismatches = List.of();
  private volatile List<String> missingRoutes = List.of();
  private volatile KafkaStreams streams;
  private volatile boolean paused;
  private volatile boolean failed;
  private volatile InvalidRules refused;
  private final Deque<Long> failures = new ArrayDeque<>();

  /** A tier whose rules are kept at what is applied. */
  public StreamTier(Settings settings, LiveRules rules, Networks networks) {
    this.settings = settings;
    this.rules = rules;
    this.following = new RuleSetFollower(Cluster.of(settings), rules);
    this.networks = networks;
    this.enriches = settings.topology().contains(Part.ENRICH);
    this.names =
        enriches && settings.names() == Settings.NamesFrom.DNS
            ? Optional.of(new ReverseNames(settings.dns()))
            : Optional.empty();
    this.registry = new RegistryClient(settings.registryUrl());
    this.admin = Admin.create(adminProperties());
    this.schemas = new FetchedSchemas(new Lookup(), FetchedSchemas.Background.of(fetching), RETRY);
    this.tables = new SymbolTables(schemas, settings.symbolsMemory());
  }

  private static Thread daemon(String name, Runnable run) {
    Thread thread = new Thread(run, "bianque-" + name);
    thread.setDaemon(true);
    return thread;
  }

  private Properties adminProperties() {
    Properties properties = new Properties();
    settings.kafka().forEach(properties::put);
    properties.put("bootstrap.servers", settings.bootstrapServers());
    properties.put("client.id", settings.applicationId() + "-watch");
    return properties;
  }

  /** The registry, and the topics: a schema is of no use before its topic is there. */
  private final class Lookup implements FetchedSchemas.Registry {
    @Override
    public Schema schema(int id) {
      return registry.schema(id);
    }

    @Override
    public OptionalInt lookup(String subject, Schema schema) {
      String topic = subject.substring(0, subject.length() - Topics.subject("").length());
      if (topic.startsWith(Topics.enriched(""))) {
        String probe = topic.substring(Topics.enriched("").length());
        Set<String> wanted = Set.of(topic, Topics.ignored(probe));
        List<String> missing = missing(wanted);
        if (!missing.isEmpty()) {
          throw new FetchedSchemas.NotThereYet("waits for topics " + missing + " to be created");
        }
      }
      return registry.lookup(subject, schema);
    }
  }

  private List<String> missing(Set<String> wanted) {
    Set<String> there = topics();
    return wanted.stream().filter(topic -> !there.contains(topic)).sorted().toList();
  }

  private Set<String> topics() {
    try {
      return admin.listTopics().names().get(ADMIN_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new FetchedSchemas.NotThereYet(
          "the broker at " + settings.bootstrapServers() + " does not answer: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FetchedSchemas.NotThereYet("is being stopped");
    }
  }

  /** Begins; returns at once. */
  public void start() {
    watching.execute(this::startWhenReady);
  }

  private void startWhenReady() {
    try {
      List<String> missing = missing(Part.topics(settings.topology()));
      if (!missing.isEmpty()) {
        throw new FetchedSchemas.NotThereYet("waits for topics " + missing + " to be created");
      }
      if (enriches) {
        following.start();
        if (!following.isLoaded()) {
          startAgain(
              following.trouble().orElse("reads the rule sets in " + Topics.RULES),
              following.trouble().isEmpty() ? ASKING : RETRY);
          return;
        }
        // A producer waits for a topic that is not there, and all events with it. Applied rules
        // have been looked at by now; these are the configuration's.
        rules.get().requireRoutes(this::topics);
      }
      settings.topology().forEach(part -> part.writes().forEach(this::schemaId));
      run();
      startWaitsFor = List.of();
      if (enriches) {
        var _ = watching.scheduleWithFixedDelay(metrics::minuteHasPassed, 1, 1, TimeUnit.MINUTES);
        var _ = watching.scheduleWithFixedDelay(this::resumeWhenReady, 1, 1, TimeUnit.SECONDS);
        var _ = watching.scheduleWithFixedDelay(this::compareTopics, 0, 30, TimeUnit.SECONDS);
      }
    } catch (SchemaPending e) {
      List<String> why = schemas.waitsFor();
      startAgain(e.getMessage(), why.isEmpty() ? ASKING : RETRY);
    } catch (FetchedSchemas.NotThereYet e) {
      startAgain(e.getMessage(), RETRY);
    } catch (InvalidRules e) {
      refused = e;
      fail();
    } catch (RuntimeException e) {
      LOG.error("Cannot start", e);
      fail();
    }
  }

  private void startAgain(String why, Duration pause) {
    if (pause.equals(RETRY) && !startWaitsFor.equals(List.of(why))) {
      LOG.warn("Cannot start yet: {}", why);
    }
    startWaitsFor = List.of(why);
    var _ = watching.schedule(this::startWhenReady, pause.toMillis(), TimeUnit.MILLISECONDS);
  }

  private int schemaId(String topic) {
    return schemas.id(Topics.subject(topic), catalogue.schema(catalogue.topic(topic)));
  }

  private void run() {
    KafkaStreams created =
        new KafkaStreams(
            TierTopology.build(
                settings.topology(),
                new Shared(schemas, this::schemaId, tables, metrics),
                this::enrichment),
            StreamsProperties.of(settings),
            new Clients());
    created.setUncaughtExceptionHandler(this::threadDied);
    created.setStateListener((now, before) -> {
      LOG.info("State {} -> {}", before, now);
      if (now == KafkaStreams.State.ERROR) {
        fail();
      }
    });
    streams = created;
    loadRocksDb();
    forgetGlobalStores();
    created.start();
  }

  private EnrichTopology.Needs enrichment() {
    NameSource source =
        switch (settings.names()) {
          case DNS -> new NameSource.Dns(names.orElseThrow()::lookup);
          case TOPIC -> new NameSource.Recorded();
          case NONE -> new NameSource.None();
        };
    return new EnrichTopology.Needs(settings.enrich(), source, networks, rules, this::pause);
  }

  /**
   * Unpacks RocksDB's library beside the state, in the place of that of the process before. RocksDB
   * itself puts another one of 15 MB into the system's temporary folder with each start, and leaves
   * it there.
   */
  private void loadRocksDb() {
    Path folder = stateFolder();
    try {
      Files.createDirectories(folder);
      NativeLibraryLoader.getInstance().loadLibrary(folder.toString());
    } catch (IOException e) {
      throw new UncheckedIOException("RocksDB's library cannot be unpacked into " + folder, e);
    }
  }

  private Path stateFolder() {
    return settings.stateDir().resolve(settings.applicationId());
  }

  /**
   * Removes the local copies of the topics of symbols and names, which are read again. After a
   * kill, Kafka Streams 4.3 repairs the stores of its tasks, but ends for good over a global store
   * that was not closed ("Expected state to be either empty or closed"). The state folder is locked
   * by now, so the copy is nobody else's.
   */
  private void forgetGlobalStores() {
    Path copy = stateFolder().resolve("global");
    if (!Files.exists(copy)) {
      return;
    }
    try (Stream<Path> files = Files.walk(copy)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the copy of topics in " + copy + " cannot be removed", e);
    }
  }

  /**
   * Nothing a thread was working on is lost with it: the next one begins where the last commit
   * ended.
   */
  private StreamThreadExceptionResponse threadDied(Throwable failure) {
    synchronized (failures) {
      long now = System.nanoTime();
      failures.addLast(now);
      while (now - failures.getFirst() > FAILURES_WITHIN.toNanos()) {
        failures.removeFirst();
      }
      if (failures.size() > FAILURES) {
        LOG.error(
            "{} threads have died within {}: giving up", failures.size(), FAILURES_WITHIN, failure);
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
      }
    }
    if (failure.getCause() instanceof InvalidTxnStateException) {
      LOG.warn(
          "A stream thread stood still for so long that the broker gave up its transaction; it is"
              + " replaced, and what was in the transaction is done again");
    } else {
      LOG.error("A stream thread died and is replaced", failure);
    }
    return StreamThreadExceptionResponse.REPLACE_THREAD;
  }

  private void pause() {
    if (!paused) {
      LOG.warn(
          "The waiting room is full of events that cannot leave; paused. {}", schemas.waitsFor());
    }
    paused = true;
    streams.pause();
  }

  private void resumeWhenReady() {
    if (paused && schemas.waitsFor().isEmpty()) {
      LOG.info("Resumed: what the waiting events need is there");
      paused = false;
      streams.resume();
    }
  }

  /**
   * Events meet the facts of their host because the topics are partitioned alike; where they are
   * not, say it. And say which topic of a route has gone.
   */
  private void compareTopics() {
    try {
      Set<String> there = topics();
      Set<String> topics =
          there.stream()
              .filter(name ->
                  name.startsWith(Topics.raw(""))
                      || name.equals(Topics.HOSTS)
                      || name.equals(Topics.CONTAINERS)
                      || name.equals(Topics.COUNTERS))
              .collect(Collectors.toSet());
      Map<String, TopicDescription> described =
          admin
              .describeTopics(topics)
              .allTopicNames()
              .get(ADMIN_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      int hosts = described.get(Topics.HOSTS).partitions().size();
      partitionMismatches =
          described.values().stream()
              .filter(topic -> topic.partitions().size() != hosts)
              .map(topic ->
                  "%s has %d partitions where %s has %d: events cannot meet the facts of their host"
                      .formatted(topic.name(), topic.partitions().size(), Topics.HOSTS, hosts))
              .sorted()
              .toList();
      missingRoutes =
          rules.get().missingRoutes(there).stream().map(InvalidRules.Mistake::toString).toList();
    } catch (ExecutionException | TimeoutException | FetchedSchemas.NotThereYet e) {
      LOG.debug("Cannot compare topics now: {}", e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void fail() {
    failed = true;
    ended.countDown();
  }

  /**
   * Waits until it has ended; whether it ended because it failed.
   *
   * @throws InvalidRules when the rules cannot be followed here
   */
  public boolean awaitEnd() throws InterruptedException {
    ended.await();
    if (refused != null) {
      throw refused;
    }
    return failed;
  }

  /** How it is, for people and for whoever watches it. */
  public Health health() {
    KafkaStreams running = streams;
    List<String> waits = new ArrayList<>(startWaitsFor);
    waits.addAll(schemas.waitsFor());
    waits.addAll(missingRoutes);
    List<String> problems = new ArrayList<>(partitionMismatches);
    names
        .filter(ReverseNames::paused)
        .ifPresent(dns -> problems.add("no DNS server answers: events have no reverse names"));
    LiveRules.State deciding = rules.state();
    following.trouble().filter(why -> following.isLoaded()).ifPresent(problems::add);
    rules.refusal().ifPresent(problems::add);
    Map<String, List<String>> assignment = new LinkedHashMap<>();
    if (running != null) {
      running
          .metadataForLocalThreads()
          .forEach(thread ->
              assignment.put(
                  thread.threadName(),
                  thread.activeTasks().stream()
                      .flatMap(task -> task.topicPartitions().stream())
                      .map(Object::toString)
                      .sorted()
                      .toList()));
    }
    return new Health(
        settings.applicationId(),
        Part.words(settings.topology()),
        running == null ? "STARTING" : running.state().name(),
        paused,
        List.copyOf(waits),
        List.copyOf(problems),
        deciding.rules().version(),
        deciding.version(),
        metrics.waiting(),
        total(lag()),
        metrics.recentLatencies(),
        assignment);
  }

  /** Records behind the end of each topic that this process reads, as of the last fetch. */
  private Map<String, Double> lag() {
    Map<String, Double> lag = new TreeMap<>();
    KafkaStreams running = streams;
    if (running == null) {
      return lag;
    }
    for (Metric metric : running.metrics().values()) {
      Map<String, String> tags = metric.metricName().tags();
      // Of a topic with dots in its name Kafka 4.3 tells twice, once with underscores in their
      // place.
      if (metric.metricName().name().equals("records-lag")
          && tags.containsKey("partition")
          && tags.getOrDefault("topic", "").startsWith(Topics.PREFIX)
          && metric.metricValue() instanceof Double value
          && !value.isNaN()) {
        lag.merge(tags.get("topic"), value, Double::sum);
      }
    }
    return lag;
  }

  /** Of all of them; -1 when it is not known. */
  private static long total(Map<String, Double> lag) {
    return lag.isEmpty() ? -1 : lag.values().stream().mapToLong(Double::longValue).sum();
  }

  /** What Prometheus reads. */
  public String prometheus() {
    Prometheus out = new Prometheus();
    metrics.write(out, System.currentTimeMillis());
    out.counter(
        "bianque_streams_rule_held_total",
        "Events that a rule held for.",
        List.of("rule", "action"),
        rules.get().held());
    out.counter(
        "bianque_streams_rule_unanswered_total",
        "Evaluations of a rule that had no answer: the event lacks a field.",
        "rule",
        rules.get().unanswered());
    LiveRules.State deciding = rules.state();
    out.gauge(
        "bianque_streams_rule_set",
        "Version of the rule set that decides here; 0: the configuration's rules.",
        deciding.version());
    out.gauge(
        "bianque_streams_rule_set_newest",
        "Newest version that was applied; it is refused here when another one decides.",
        deciding.newest());
    Map<String, Long> outcomes = names.map(ReverseNames::outcomes).orElseGet(HashMap::new);
    out.counter(
        "bianque_streams_dns_total",
        "Questions for a name and what came of them.",
        "outcome",
        outcomes);
    out.gauge(
        "bianque_streams_dns_outstanding",
        "Addresses being asked for.",
        names.map(ReverseNames::outstanding).orElse(0));
    out.gauge(
        "bianque_streams_symbol_tables", "Symbol tables in memory.", (double) tables.cached());
    Health health = health();
    out.gauge(
        "bianque_streams_up",
        "1 when it works, 0 when it waits or has failed.",
        health.healthy() ? 1 : 0);
    out.gauge(
        "bianque_streams_lag_records",
        "Records behind the ends of the topics; -1: not known.",
        (double) health.lag());
    out.gauge("bianque_streams_topic_lag_records", "Of these, by topic.", "topic", lag());
    Runtime runtime = Runtime.getRuntime();
    out.gauge(
        "bianque_streams_heap_bytes",
        "Heap in use.",
        (double) (runtime.totalMemory() - runtime.freeMemory()));
    return out.toString();
  }

  /** Ends: commits what is done, leaves the group so that others take over at once. */
  @Override
  public void close() {
    following.close();
    watching.shutdownNow();
    fetching.shutdownNow();
    if (streams != null) {
      boolean clean =
          streams.close(
              CloseOptions.timeout(CLOSE_TIMEOUT)
                  .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
      if (!clean) {
        LOG.warn(
            "Did not stop within {}; what was not committed is done again at the next start",
            CLOSE_TIMEOUT);
      }
    }
    admin.close(Duration.ofSeconds(2));
    ended.countDown();
  }
}
