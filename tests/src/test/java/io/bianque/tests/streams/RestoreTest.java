package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.standalone.part.Streams;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.utils.Bytes;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * How long it takes until the state of a large fleet is there again, and how much room it needs.
 */
@Tag("integration")
class RestoreTest {
  private static final int HOSTS = 20_000;
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);
  private static final Duration LONG = Duration.ofMinutes(3);

  /** Stores of a task, and tasks. */
  private static final int STORES = 5 * 4;

  /**
   * In MB, what the launcher and the settings allow: heap, code cache, memory.rocksdb; and for
   * classes, threads, buffers of sockets and what reads files of RocksDB, as much again as the last
   * two.
   */
  private static final long RESIDENT = 160 + 2 * (40 + 24);

  private static final Pattern RESTORED =
      Pattern.compile("Finished restoring changelog .* with a total number of (\\d+) records");

  /** Of standbys too, batch by batch. */
  private static final Pattern READ =
      Pattern.compile("Restored \\d+ records from changelog (\\S+) .*current offset is (\\d+)");

  private static final String APPLICATION = "restored";

  /** Its own: so many hosts would be in every other test's way. */
  @AutoClose private final Components components = new Components();

  @TempDir Path folder;

  private StreamsProcess process(Path own) throws IOException {
    Path logging = folder.resolve("logback.xml");
    Files.writeString(
        logging,
        """
        <configuration>
          <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
            <encoder><pattern>%d %level %logger{0}: %msg%n</pattern></encoder>
          </appender>
          <logger name="org.apache.kafka" level="WARN"/>
          <logger name="org.apache.kafka.streams.processor.internals.StoreChangelogReader" level="TRACE"/>
          <root level="INFO"><appender-ref ref="out"/></root>
        </configuration>
        """);
    return new StreamsProcess(
        components,
        APPLICATION,
        own,
        Map.of(
            "BIANQUE_STREAMS_STANDBY_REPLICAS",
            "1",
            Streams.FLAGS,
            Streams.SMALL + " -Dlogback.configurationFile=" + logging));
  }

  @Test
  void theStateOfALargeFleetIsThereAgainSoonAndTakesItsRoomOnly() throws Exception {
    components.start(Component.BROKER, Component.REGISTRY);
    Path first = folder.resolve("first");
    try (Fleet fleet = new Fleet(components, HOSTS);
        // One host for each partition at least: what each task does first.
        Fleet few = new Fleet(components, 32);
        StreamsProcess one = process(first);
        StreamsProcess other = process(folder.resolve("other"))) {
      one.start();
      one.awaitHealthy();
      fleet.symbols();
      fleet.facts();
      fleet.containers("container");
      few.facts();
      fleet.drops(event -> event.put("cgroup_id", Fleet.CGROUP));
      fleet.flush();
      long sent = System.nanoTime();
      awaitAll(fleet, ENRICHED);
      System.out.printf(
          "%d hosts that nothing was known of: facts, containers and an event of each worked on"
              + " after %.1f s%n",
          HOSTS, (System.nanoTime() - sent) / 1e9);
      fleet.counters();
      awaitAll(fleet, Topics.LEDGER);
      one.stop();
      Changelogs changelogs = changelogs();

      delete(first.resolve("state"));
      few.drops();
      few.flush();
      long begin = System.nanoTime();
      int before = one.log().length();
      one.start();
      one.awaitHealthy();
      double healthy = (System.nanoTime() - begin) / 1e9;
      awaitAll(few, ENRICHED);
      double worked = (System.nanoTime() - begin) / 1e9;
      long restored = restored(one, before);
      long resident = one.residentMegabytes();
      long disk = size(first.resolve("state"));
      System.out.printf(
          "%d hosts: %d records of changelogs restored, %d of them live in %.1f MB; healthy after"
              + " %.1f s, first events of all partitions out after %.1f s: %.0f records/s;"
              + " resident %d MB, on disk %.1f MB%n",
          HOSTS,
          restored,
          changelogs.records,
          changelogs.bytes / 1e6,
          healthy,
          worked,
          restored / worked,
          resident,
          disk / 1e6);
      assertThat(restored).as("all of it").isGreaterThanOrEqualTo(changelogs.records);
      assertThat(resident).as("resident MB").isLessThanOrEqualTo(RESIDENT);
      // RocksDB's universal compaction lets what is superseded take twice the room of what is not;
      // and of each store, as much as its write buffers hold.
      assertThat(disk)
          .as("bytes on disk")
          .isLessThanOrEqualTo(3 * changelogs.bytes + STORES * (2L << 20));

      other.start();
      other.awaitHealthy();
      awaitCopy(other, changelogs().last);
      before = other.log().length();
      begin = System.nanoTime();
      one.kill();
      few.drops();
      few.flush();
      awaitAll(few, ENRICHED, 2);
      System.out.printf(
          "with a standby: killed, and after %.1f s events of all partitions come out; %d records"
              + " restored%n",
          (System.nanoTime() - begin) / 1e9, restored(other, before));
      assertThat(restored(other, before)).as("the rest was there").isLessThan(restored / 10);
      assertThat(other.residentMegabytes()).as("resident MB").isLessThanOrEqualTo(RESIDENT);
    }
  }

  private static void awaitAll(Fleet fleet, String topic) {
    awaitAll(fleet, topic, 1);
  }

  private static void awaitAll(Fleet fleet, String topic, int each) {
    try (Fleet.Following following = fleet.follow(topic)) {
      int[] came = new int[1];
      await()
          .atMost(LONG)
          .pollInterval(Duration.ofMillis(200))
          .until(() -> (came[0] += following.more().size()) >= each * fleet.hosts.size());
    }
  }

  private static long restored(StreamsProcess process, int from) {
    return RESTORED
        .matcher(process.log().substring(from))
        .results()
        .map(MatchResult::group)
        .mapToLong(line -> Long.parseLong(line.replaceAll(".*number of (\\d+) records", "$1")))
        .sum();
  }

  /** Until it has read the changelogs up to these offsets: what it would go on from. */
  private static void awaitCopy(StreamsProcess process, Map<String, Long> last) {
    await()
        .atMost(LONG)
        .pollInterval(Duration.ofMillis(200))
        .untilAsserted(() -> {
          Map<String, Long> read = new HashMap<>();
          READ.matcher(process.log())
              .results()
              .forEach(line -> read.put(line.group(1), Long.parseLong(line.group(2))));
          last.forEach((partition, offset) ->
              assertThat(read.getOrDefault(partition, -1L))
                  .as("offset read in %s", partition)
                  .isGreaterThanOrEqualTo(offset));
        });
  }

  /**
   * What is not superseded.
   *
   * @param last offset of the last record, by partition
   */
  private record Changelogs(long records, long bytes, Map<String, Long> last) {}

  private Changelogs changelogs() throws Exception {
    long records = 0;
    long bytes = 0;
    Map<String, Long> last = new HashMap<>();
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", components.bootstrapServers()))) {
      for (String topic : admin.listTopics().names().get()) {
        if (topic.startsWith(APPLICATION) && topic.endsWith("-changelog")) {
          Map<Bytes, Integer> sizes = new HashMap<>();
          for (ConsumerRecord<byte[], byte[]> record : RecordedState.all(components, topic)) {
            last.put(topic + "-" + record.partition(), record.offset());
            Bytes key = Bytes.wrap(record.key());
            if (record.value() == null) {
              sizes.remove(key);
            } else {
              sizes.put(key, record.key().length + record.value().length);
            }
          }
          records += sizes.size();
          bytes += sizes.values().stream().mapToLong(Integer::longValue).sum();
        }
      }
    }
    return new Changelogs(records, bytes, last);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static long size(Path folder) throws IOException {
    AtomicLong size = new AtomicLong();
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            size.addAndGet(attributes.size());
            return FileVisitResult.CONTINUE;
          }

          // RocksDB deletes what it has merged at any moment.
          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (!(e instanceof NoSuchFileException)) {
              throw e;
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return size.get();
  }
}
