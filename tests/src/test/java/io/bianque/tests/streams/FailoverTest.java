package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Instances of the stream tier come and go under a steady load. */
@RealComponents({Component.BROKER, Component.REGISTRY})
class FailoverTest {
  private static final int HOSTS = 8;
  private static final int PARTITIONS = 4;

  /** Events of each host and second: 25. */
  private static final Duration EACH = Duration.ofMillis(40);

  private static final Map<String, String> SETTINGS =
      Map.of(
          "BIANQUE_STREAMS_STANDBY_REPLICAS",
          "1",
          "BIANQUE_STREAMS_KAFKA_CONSUMER_SESSION_TIMEOUT_MS",
          "6000",
          "BIANQUE_STREAMS_KAFKA_CONSUMER_HEARTBEAT_INTERVAL_MS",
          "1000",
          // Work moves at once, however much state other tests' hosts have: else, after 10 minutes.
          "BIANQUE_STREAMS_KAFKA_ACCEPTABLE_RECOVERY_LAG",
          "1000000000");

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Components components;
  private final String application = "failover-" + UUID.randomUUID();
  @TempDir Path folder;

  FailoverTest(Components components) {
    this.components = components;
  }

  /** One process and where its state is. */
  private record Instance(String name, Path folder, StreamsProcess process)
      implements AutoCloseable {
    /** Partitions of events that it works on; none when it does not answer. */
    List<String> works() {
      try {
        JsonNode assignment = JSON.readTree(process.get("/health")).path("assignment");
        List<String> partitions = new ArrayList<>();
        assignment.forEach(thread -> thread.forEach(each -> partitions.add(each.asText())));
        partitions.removeIf(each -> !each.startsWith(Topics.raw(Fleet.PROBE) + "-"));
        return partitions;
      } catch (IOException e) {
        return List.of();
      }
    }

    @Override
    public void close() {
      process.close();
    }
  }

  private Instance instance(String name) throws IOException {
    Path own = folder.resolve(name);
    return new Instance(name, own, new StreamsProcess(components, application, own, SETTINGS));
  }

  /** One event of each host in each turn, numbered by the turn, until it is closed. */
  private static final class Load implements AutoCloseable {
    private final Fleet fleet;
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Future<Void> running;
    private final AtomicInteger sent = new AtomicInteger();
    private volatile boolean ends;

    Load(Fleet fleet) {
      this.fleet = fleet;
      this.running = thread.submit(this::run);
    }

    private Void run() throws InterruptedException {
      while (!ends) {
        fleet.drops();
        sent.incrementAndGet();
        Thread.sleep(EACH);
      }
      return null;
    }

    @Override
    public void close() {
      ends = true;
      thread.close();
      running.resultNow();
      fleet.flush();
    }
  }

  /** All that has come out, by host, in the order in which it stands in the topic. */
  private static final class Out implements AutoCloseable {
    private final Fleet.Following following;
    private final Map<String, List<Long>> sequences = new TreeMap<>();
    private final List<String> incomplete = new ArrayList<>();

    Out(Fleet fleet) {
      this.following = fleet.follow(Topics.enriched(Fleet.PROBE));
      fleet.hosts.forEach(host -> sequences.put(host, new ArrayList<>()));
    }

    /** The last that has come out of every host. */
    long last() {
      for (GenericRecord event : following.more()) {
        sequences.get(event.get("host_id").toString()).add((Long) event.get("sequence"));
        if (!event.get("missing").equals(List.of())) {
          incomplete.add(event.get("event_id") + ": " + event.get("missing"));
        }
      }
      return sequences.values().stream()
          .mapToLong(each -> each.isEmpty() ? 0 : each.getLast())
          .min()
          .orElseThrow();
    }

    @Override
    public void close() {
      following.close();
    }
  }

  /** Until events that are sent from now on come out, of every host. */
  private static void awaitWork(String after, Load load, Out out) {
    long begin = System.nanoTime();
    int now = load.sent.get();
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(100))
        .until(() -> out.last() > now);
    System.out.printf(
        "%s: events of all hosts come out again after %.1f s%n",
        after, (System.nanoTime() - begin) / 1e9);
  }

  private static void awaitAssigned(Instance... instances) {
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(200))
        .until(() -> {
          List<List<String>> works = List.of(instances).stream().map(Instance::works).toList();
          Set<String> all = works.stream().flatMap(List::stream).collect(Collectors.toSet());
          return works.stream().noneMatch(List::isEmpty) && all.size() == PARTITIONS;
        });
  }

  @Test
  void eachEventComesOutOnceWhoeverComesAndGoes() throws Exception {
    try (Fleet fleet = new Fleet(components, HOSTS);
        Instance a = instance("a");
        Instance b = instance("b");
        Instance c = instance("c");
        Out out = new Out(fleet)) {
      a.process.start();
      b.process.start();
      fleet.facts();
      fleet.symbols();
      a.process.awaitHealthy();
      b.process.awaitHealthy();
      Load load = new Load(fleet);
      try (load) {
        awaitAssigned(a, b);
        awaitWork("two", load, out);

        c.process.start();
        awaitAssigned(a, b, c);
        awaitWork("a third one has joined", load, out);

        assertThat(a.process.stop()).isIn(0, 143);
        awaitWork("one has left", load, out);
        a.process.start();
        awaitAssigned(a, b, c);

        b.process.kill();
        awaitWork("one was killed", load, out);
        b.process.start();
        awaitAssigned(a, b, c);

        freezeInATransaction(c);
        awaitAssigned(a, b);
        // What is committed comes out of all partitions only when the broker has given up the
        // transaction: what the frozen one has written in it must not come, whatever it finds out
        // first when it wakes, that it is fenced, that its transaction or its partitions are gone.
        awaitWork("one was frozen", load, out);
        c.process.resume();
        awaitAssigned(a, b, c);
        awaitWork("it came back", load, out);
      }
      int sent = load.sent.get();

      await().atMost(Duration.ofSeconds(60)).until(() -> out.last() >= sent);
      List<Long> expected = LongStream.rangeClosed(1, sent).boxed().toList();
      assertThat(out.sequences)
          .allSatisfy(
              (host, sequences) -> assertThat(sequences).as("once, in order").isEqualTo(expected));
      assertThat(out.incomplete).isEmpty();
      System.out.printf("%d events in and out%n", sent * HOSTS);
      balances(fleet, sent);
    }
  }

  /** The frozen one has written what it has not committed. */
  private void freezeInATransaction(Instance instance) throws Exception {
    String process =
        JSON.readTree(
                instance
                    .folder
                    .resolve("state")
                    .resolve(application)
                    .resolve("kafka-streams-process-metadata")
                    .toFile())
            .path("processId")
            .asText();
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", components.bootstrapServers()))) {
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() -> {
            instance.process.freeze();
            boolean open =
                admin
                    .listTransactions(
                        new ListTransactionsOptions()
                            .filterStates(Set.of(TransactionState.ONGOING)))
                    .all()
                    .get()
                    .stream()
                    .map(TransactionListing::transactionalId)
                    .anyMatch(id -> id.contains(process));
            if (!open) {
              instance.process.resume();
            }
            return open;
          });
    }
  }

  private static void balances(Fleet fleet, long sent) {
    fleet.counters();
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofSeconds(1))
        .untilAsserted(() -> {
          List<GenericRecord> rows = fleet.committed(Topics.LEDGER);
          assertThat(rows).extracting(row -> row.get("host_id")).containsAll(fleet.hosts);
          for (String host : fleet.hosts) {
            GenericRecord row =
                rows.stream().filter(r -> r.get("host_id").equals(host)).toList().getLast();
            assertThat(row.get("received")).isEqualTo(sent);
            assertThat(row.get("enriched")).isEqualTo(sent);
            assertThat(row.get("duplicates")).isEqualTo(0L);
            assertThat(row.get("unaccounted")).isEqualTo(0L);
          }
        });
  }
}
