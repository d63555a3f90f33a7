package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.LoopDisk;
import io.bianque.agent.testing.LoopDisk.Statistics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests to a disk of this machine, counted beside /proc/diskstats; slow ones that are slow. */
@KernelTest
@ParameterizedClass
@ValueSource(strings = {"tp_btf/", "raw_tp/"})
class IolatencyTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final String TASK = "bq-writer";
  private static final int KIB = 1024;
  private static final long THRESHOLD_NS = 20_000_000;

  /** Requests that a loop device has at once: its module's hw_queue_depth. */
  private static final int LOOP_DEPTH = 128;

  private static LoopDisk disk;

  @Parameter String variant;

  private final List<FutureTask<?>> tasks = new ArrayList<>();
  private boolean frozen;

  @BeforeAll
  static void makeDisk() throws IOException {
    disk = LoopDisk.open();
  }

  @AfterAll
  static void removeDisk() {
    disk.close();
  }

  @BeforeEach
  void reset() throws IOException {
    disk.schedule("none");
  }

  @AfterEach
  void finish() throws Exception {
    if (frozen) {
      thaw();
    }
    for (FutureTask<?> task : tasks) {
      task.get();
    }
  }

  @Test
  void countsWhatTheKernelCounts() throws Exception {
    try (ProbeBench probe = attach(Map.of())) {
      Statistics before = disk.statistics();
      for (int i = 0; i < 20; i++) {
        disk.read(i * 4L * KIB, 4 * KIB);
      }
      for (int i = 0; i < 10; i++) {
        disk.write(i * 64L * KIB, 64 * KIB);
      }
      disk.writeAndFlush(0, 4 * KIB);
      disk.writeBuffered(KIB * KIB, KIB * KIB);
      disk.discard("--offset", "4MiB", "--length", "1MiB");
      disk.discard("--zeroout", "--offset", "8MiB", "--length", "1MiB");
      // Here it has what the scheduler does too: inserted requests, and merged ones.
      disk.schedule("mq-deadline");
      disk.writeBuffered(2L * KIB * KIB, KIB * KIB);
      disk.write(0, 4 * KIB);
      Statistics after = disk.statistics();
      probe.poll();

      List<GenericRecord> records = ofDisk(probe.records("iolatency_time"));
      assertThat(records).allSatisfy(IolatencyTest::isConsistent);
      assertThat(counted(records)).isEqualTo(difference(before, after));
      assertThat(after.reads() - before.reads()).isGreaterThanOrEqualTo(20);
      assertThat(total(records, "count", "WRITE_ZEROES", "DISCARD")).isGreaterThanOrEqualTo(2);
      assertThat(total(records, "count", "FLUSH")).isGreaterThanOrEqualTo(3);
      assertThat(total(records, "dispatched_count", "READ"))
          .isEqualTo(total(records, "count", "READ"));
      assertThat(probe.report().missed()).isZero();
      assertThat(((ProbeState.Attached) probe.report().state()).hook())
          .contains(
              variant + "block_rq_insert",
              variant + "block_rq_issue",
              variant + "block_rq_complete",
              variant + "block_rq_merge");
    }
  }

  @Test
  void countsFromTheFirstRequestOfANewDisk() throws Exception {
    Map<String, Statistics> before = LoopDisk.statisticsOfAll();
    try (ProbeBench probe = attach(Map.of());
        LoopDisk fresh = LoopDisk.open()) {
      fresh.read(0, 4 * KIB);
      Statistics statistics = fresh.statistics();
      probe.poll();

      List<GenericRecord> records =
          probe.records("iolatency_time").stream()
              .filter(record -> record.get("disk").toString().equals(fresh.name()))
              .toList();
      Statistics none = new Statistics(0, 0, 0, 0, 0, 0, 0);
      assertThat(counted(records))
          .isEqualTo(difference(before.getOrDefault(fresh.name(), none), statistics));
      assertThat(total(records, "count", "READ")).isPositive();
    }
  }

  @Test
  void countsByCgroup() throws Exception {
    IoCgroup cgroup = IoCgroup.create();
    try (ProbeBench probe = attach(Map.of())) {
      disk.writeInCgroup(cgroup.folder);
      disk.write(0, 4 * KIB);
      probe.poll();

      Map<Long, Long> writes =
          ofDisk(probe.records("iolatency_time")).stream()
              .filter(record -> record.get("operation").toString().equals("WRITE"))
              .collect(
                  Collectors.toMap(
                      record -> (long) record.get("io_cgroup_id"),
                      record -> (long) record.get("count")));
      assertThat(writes.get(cgroup.id)).isEqualTo(10);
      assertThat(writes.values()).containsExactlyInAnyOrder(10L, 1L);
    } finally {
      cgroup.remove();
    }
  }

  @Test
  void reportsARequestThatTheDeviceIsSlowWith() throws Exception {
    try (ProbeBench probe = attach(Map.of())) {
      long begin = System.nanoTime();
      freeze();
      inTask(() -> {
        disk.write(64 * KIB, 8 * KIB);
        return null;
      });
      await().atMost(PATIENCE).until(() -> disk.inFlight() == 1);
      long hangs = System.nanoTime();
      probe.drainFor(Duration.ofNanos(2 * THRESHOLD_NS));
      long hung = System.nanoTime() - hangs;
      thaw();
      GenericRecord event = probe.await("slow write", ofThisDisk());
      long end = System.nanoTime();

      assertThat(event.get("host_id")).hasToString("host");
      assertThat(event.get("boot_id")).hasToString("boot");
      assertThat(event.get("epoch")).isEqualTo(4711L);
      assertThat((int) event.get("cpu"))
          .isBetween(0, Runtime.getRuntime().availableProcessors() - 1);
      assertThat((long) event.get("sequence")).isPositive();
      assertThat((long) event.get("ktime_ns")).isBetween(begin, end);
      assertThat((long) event.get("time") - (long) event.get("ktime_ns"))
          .isCloseTo(ClockOffset.measureNanos(), within(10_000_000L));
      assertThat(event.get("pid")).isEqualTo((int) ProcessHandle.current().pid());
      assertThat((int) event.get("tid")).isPositive();
      assertThat(event.get("comm")).hasToString(TASK);
      assertThat((long) event.get("cgroup_id")).isPositive();
      assertThat((long) event.get("io_cgroup_id")).isPositive();
      assertThat(List.of(event.get("major"), event.get("minor"))).isEqualTo(disk.numbers());
      assertThat(event.get("operation")).hasToString("WRITE");
      assertThat(event.get("sector")).isEqualTo(64L * KIB / 512);
      assertThat(event.get("bytes")).isEqualTo(8L * KIB);
      assertThat(event.get("outcome")).hasToString("DONE");
      assertThat((long) event.get("dispatched_ns")).isBetween(hung, end - begin);
      assertThat((long) event.get("queued_ns"))
          .isBetween((long) event.get("dispatched_ns"), end - begin);
    }
  }

  /** The device is fast with it, once it gets it: the other half of the reason to report. */
  @Test
  void reportsARequestThatWaitsForTheDevice() throws Exception {
    disk.schedule("mq-deadline");
    try (ProbeBench probe = attach(Map.of("max_events_per_second", "0"))) {
      freeze();
      for (int i = 0; i < LOOP_DEPTH + 16; i++) {
        // Not side by side, or they would be merged.
        long position = i * 64L * KIB;
        inTask(() -> {
          disk.write(position, 4 * KIB);
          return null;
        });
      }
      await().atMost(PATIENCE).until(() -> waitingForDisk() == LOOP_DEPTH + 16);
      probe.drainFor(Duration.ofNanos(2 * THRESHOLD_NS));
      thaw();
      for (FutureTask<?> task : tasks) {
        task.get();
      }
      probe.drain();

      List<GenericRecord> slow = probe.records("iolatency").stream().filter(ofThisDisk()).toList();
      assertThat(slow).hasSize(LOOP_DEPTH + 16);
      assertThat(slow)
          .allSatisfy(
              event -> assertThat((long) event.get("queued_ns")).isGreaterThan(2 * THRESHOLD_NS));
      assertThat(slow)
          .filteredOn(event -> (long) event.get("dispatched_ns") > 2 * THRESHOLD_NS)
          .hasSize(LOOP_DEPTH);
    }
  }

  @Test
  void reportsNothingBelowTheThresholds() throws Exception {
    try (ProbeBench probe =
        attach(
            Map.of(
                "queued_threshold_ns", "60000000000", "dispatched_threshold_ns", "60000000000"))) {
      disk.write(0, 4 * KIB);
      probe.drain();
      assertThat(probe.records("iolatency")).isEmpty();
    }
  }

  /** Of the loop device's own doing: what is there it completes, the rest it asks for once more. */
  @Test
  void reportsAFailedRequestWhole() throws Exception {
    try (LoopDisk broken = LoopDisk.open();
        ProbeBench probe = attach(Map.of("queued_threshold_ns", "0"))) {
      Statistics before = broken.statistics();
      broken.truncate(32 * KIB);
      assertThatThrownBy(() -> broken.read(0, 64 * KIB)).isInstanceOf(IOException.class);
      Statistics after = broken.statistics();

      GenericRecord event =
          probe.await(
              "failed read",
              e ->
                  e.get("disk").toString().equals(broken.name())
                      && e.get("outcome").toString().equals("FAILED"));
      assertThat(event.get("operation")).hasToString("READ");
      assertThat(event.get("sector")).isEqualTo(0L);
      assertThat(event.get("bytes")).isEqualTo(64L * KIB);
      probe.poll();
      List<GenericRecord> records =
          probe.records("iolatency_time").stream()
              .filter(record -> record.get("disk").toString().equals(broken.name()))
              .toList();
      assertThat(counted(records)).isEqualTo(difference(before, after));
      assertThat(total(records, "failed_count", "READ")).isEqualTo(1);
    }
  }

  @Test
  void aFlushHasNoPlaceAndAWriteOfNothingNoDevice() throws Exception {
    try (ProbeBench probe = attach(Map.of("queued_threshold_ns", "0"))) {
      disk.writeBuffered(0, 4 * KIB);

      GenericRecord flush = probe.await("flush", ofThisDisk().and(e -> is(e, "FLUSH")));
      GenericRecord empty =
          probe.await(
              "write of nothing",
              ofThisDisk().and(e -> is(e, "WRITE") && e.get("bytes").equals(0L)));
      assertThat(flush.get("sector")).isNull();
      assertThat(flush.get("dispatched_ns")).isNotNull();
      assertThat(empty.get("dispatched_ns")).isNull();
      assertThat((long) empty.get("queued_ns")).isGreaterThan((long) flush.get("dispatched_ns"));
    }
  }

  private ProbeBench attach(Map<String, String> tunables) {
    Set<String> sections =
        Stream.of("insert", "issue", "complete", "merge")
            .flatMap(
                hook -> Stream.of(variant + "block_rq_" + hook, "?" + variant + "block_rq_" + hook))
            .collect(Collectors.toSet());
    return ProbeBench.of("iolatency", Channel.RINGBUF, 1 << 20, tunables, sections);
  }

  private void freeze() {
    disk.freeze();
    frozen = true;
  }

  private void thaw() {
    disk.thaw();
    frozen = false;
  }

  private void inTask(Callable<Void> action) {
    FutureTask<Void> task = new FutureTask<>(action);
    tasks.add(task);
    Thread.ofPlatform().name(TASK).daemon().start(task);
  }

  /** Tasks of this test that the kernel has put to sleep until their I/O is done. */
  private static long waitingForDisk() throws IOException {
    long waiting = 0;
    try (Stream<Path> all = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : all.toList()) {
        String stat = Files.readString(task.resolve("stat"));
        waiting += stat.contains("(" + TASK + ") D") ? 1 : 0;
      }
    }
    return waiting;
  }

  private static Predicate<GenericRecord> ofThisDisk() {
    return record ->
        record.getSchema().getName().equals("iolatency")
            && record.get("disk").toString().equals(disk.name());
  }

  private static boolean is(GenericRecord event, String operation) {
    return event.get("operation").toString().equals(operation);
  }

  private static List<GenericRecord> ofDisk(List<GenericRecord> records) throws IOException {
    List<Integer> numbers = disk.numbers();
    return records.stream()
        .filter(record -> List.of(record.get("major"), record.get("minor")).equals(numbers))
        .filter(record -> record.get("disk").toString().equals(disk.name()))
        .toList();
  }

  private static Statistics counted(List<GenericRecord> records) {
    return new Statistics(
        total(records, "count", "READ"),
        total(records, "bytes", "READ"),
        total(records, "count", "WRITE", "WRITE_ZEROES"),
        total(records, "bytes", "WRITE", "WRITE_ZEROES"),
        total(records, "count", "DISCARD"),
        total(records, "bytes", "DISCARD"),
        total(records, "count", "FLUSH"));
  }

  private static Statistics difference(Statistics before, Statistics after) {
    return new Statistics(
        after.reads() - before.reads(),
        after.readBytes() - before.readBytes(),
        after.writes() - before.writes(),
        after.writtenBytes() - before.writtenBytes(),
        after.discards() - before.discards(),
        after.discardedBytes() - before.discardedBytes(),
        after.flushes() - before.flushes());
  }

  private static long total(List<GenericRecord> records, String field, String... operations) {
    return records.stream()
        .filter(record -> Set.of(operations).contains(record.get("operation").toString()))
        .mapToLong(record -> (long) record.get(field))
        .sum();
  }

  private static void isConsistent(GenericRecord record) {
    assertThat((int) record.get("cpu")).isEqualTo(-1);
    for (String what : List.of("queued", "dispatched")) {
      List<?> slots = (List<?>) record.get(what + "_ns");
      long count = 0;
      long least = 0;
      long most = 0;
      for (int i = 0; i < slots.size(); i++) {
        count += (long) slots.get(i);
        least += i == 0 ? 0 : (long) slots.get(i) << i;
        most += (long) slots.get(i) << (i + 1);
      }
      assertThat(count).isEqualTo((long) record.get(what + "_count"));
      assertThat((long) record.get(what + "_total_ns")).isBetween(least, most);
    }
    assertThat((long) record.get("queued_count")).isEqualTo((long) record.get("count"));
    assertThat((long) record.get("dispatched_count"))
        .isLessThanOrEqualTo((long) record.get("count"));
    assertThat((long) record.get("dispatched_total_ns"))
        .isLessThanOrEqualTo((long) record.get("queued_total_ns"));
  }

  /** A cgroup of this test, in the hierarchy that accounts block I/O, and the id it is known by. */
  private record IoCgroup(Path folder, long id) {
    private static final Path V1 = Path.of("/sys/fs/cgroup/blkio");
    private static final Path V2 = Path.of("/sys/fs/cgroup");

    static IoCgroup create() throws IOException {
      Path parent = Files.isDirectory(V1) ? V1 : V2;
      Path folder = parent.resolve("bqtest-" + ProcessHandle.current().pid());
      Files.createDirectory(folder);
      boolean own =
          parent.equals(V1)
              || Files.readString(V2.resolve("cgroup.subtree_control")).contains("io");
      return new IoCgroup(
          folder, ((Number) Files.getAttribute(own ? folder : parent, "unix:ino")).longValue());
    }

    void remove() throws IOException {
      Files.delete(folder);
    }
  }
}
