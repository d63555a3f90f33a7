package io.bianque.sinks.lines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.sinks.event.FakeContext;
import io.bianque.sinks.event.FakeRegistry;
import io.bianque.sinks.event.Fixtures;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinesSinkTaskTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TopicPartition PARTITION = new TopicPartition(Fixtures.TOPIC, 0);

  @TempDir Path folder;
  private final FakeRegistry registry = new FakeRegistry();
  private final List<LinesSinkTask> tasks = new ArrayList<>();
  private final FakeContext context = new FakeContext();

  LinesSinkTaskTest() throws IOException {}

  @AfterEach
  void close() {
    tasks.forEach(LinesSinkTask::stop);
    registry.close();
  }

  @Test
  void writesADocumentALineWithItsId() throws IOException {
    LinesSinkTask task = task(Map.of());

    task.put(events(0, 3));

    List<String> lines = Files.readAllLines(folder.resolve("dropwatch.jsonl"));
    assertThat(lines).hasSize(3);
    JsonNode document = JSON.readTree(lines.get(2));
    assertThat(document.get("_id").asText()).isEqualTo(Fixtures.id(0, 2));
    assertThat(document.at("/bianque/dropwatch/kernel_stack/1").asText())
        .isEqualTo("tcp_v4_rcv+0x8d");
    assertThat(document.get("@timestamp").asText()).isEqualTo("1970-01-01T00:00:00.000000002Z");
  }

  @Test
  void tellsKafkaOnlyOfLinesThatAreRecorded() throws IOException {
    LinesSinkTask task = task(Map.of());
    assertThat(commit(task)).isEmpty();

    task.put(events(0, 5));

    assertThat(Recorded.read(folder).orElseThrow().offsets()).isEmpty();
    assertThat(commit(task)).isEqualTo(Map.of(PARTITION, new OffsetAndMetadata(5)));
    assertThat(Recorded.read(folder).orElseThrow().offsets()).isEqualTo(Map.of(PARTITION, 5L));
  }

  @Test
  void whatWasNotRecordedIsCutOffAndWrittenAgain() throws IOException {
    LinesSinkTask first = task(Map.of());
    first.put(events(0, 5));
    commit(first);
    first.put(events(5, 3));
    stop(first);
    Files.writeString(
        folder.resolve("dropwatch.jsonl"), "{\"_id\":\"half a li", StandardOpenOption.APPEND);

    LinesSinkTask second = task(Map.of());
    second.put(events(5, 4));

    assertThat(ids(folder)).containsExactlyElementsOf(expected(9));
  }

  @Test
  void whatIsRecordedIsPassedOverWhateverKafkaRemembers() throws IOException {
    LinesSinkTask first = task(Map.of());
    first.put(events(0, 5));
    commit(first);
    stop(first);

    LinesSinkTask second = task(Map.of());
    second.put(events(0, 8));

    assertThat(ids(folder)).containsExactlyElementsOf(expected(8));
  }

  @Test
  void filesRotateBeforeTheyAreTooLongAndOldOnesGo() throws IOException {
    LinesSinkTask task = task(Map.of("rotate.bytes", "5000", "rotate.files", "3"));

    task.put(events(0, 100));
    commit(task);

    List<String> names = names(folder);
    assertThat(names).hasSize(4).contains("dropwatch.jsonl");
    for (String name : names) {
      assertThat(folder.resolve(name).toFile().length()).isBetween(1L, 5_000L);
    }
    List<String> ids = ids(folder);
    assertThat(ids).containsExactlyElementsOf(expected(100).subList(100 - ids.size(), 100));
  }

  @Test
  void aLineLongerThanAFileHasOneOfItsOwn() throws IOException {
    LinesSinkTask task = task(Map.of("rotate.bytes", "1024", "rotate.files", "100"));

    task.put(events(0, 4));
    commit(task);

    assertThat(ids(folder)).containsExactlyElementsOf(expected(4));
  }

  @Test
  void aProcessKilledWithinARotationGoesOnWithTheNextFile() throws IOException {
    LinesSinkTask first = task(Map.of());
    first.put(events(0, 5));
    commit(first);
    stop(first);
    // As rotate() leaves it when nothing was recorded after it, with lines that do not count behind
    // it.
    Files.move(folder.resolve("dropwatch.jsonl"), folder.resolve("dropwatch.00000001.jsonl"));
    Files.writeString(folder.resolve("dropwatch.jsonl"), "{\"_id\":\"not recorded\"}\n");

    LinesSinkTask second = task(Map.of());
    second.put(events(5, 2));
    commit(second);

    assertThat(ids(folder)).containsExactlyElementsOf(expected(7));
    assertThat(names(folder)).containsExactly("dropwatch.00000001.jsonl", "dropwatch.jsonl");
  }

  @Test
  void linesOfSomebodyElseAreKept() throws IOException {
    Files.writeString(folder.resolve("dropwatch.jsonl"), "{\"_id\":\"theirs\"}\n{\"torn");

    LinesSinkTask task = task(Map.of());
    task.put(events(0, 1));

    assertThat(ids(folder)).containsExactly("theirs", Fixtures.id(0, 0));
  }

  @Test
  void twoWritersDoNotShareAFolder() {
    LinesSinkTask first = task(Map.of());
    first.put(events(0, 1));
    LinesSinkTask second = task(Map.of());

    assertThatThrownBy(() -> second.put(events(0, 1)))
        .isInstanceOf(RetriableException.class)
        .hasMessageContaining("lines.path of its own");
  }

  @Test
  void whatCannotBeReadIsReportedOnceAndTheRestIsWritten() throws IOException {
    LinesSinkTask task = task(Map.of());
    List<SinkRecord> records = new ArrayList<>(events(0, 2));
    records.add(Fixtures.record(0, 2, new byte[] {1, 2, 3}));
    records.addAll(events(3, 2));

    task.put(records);
    commit(task);

    assertThat(ids(folder)).hasSize(4);
    assertThat(context.reported()).hasSize(1);
    assertThat(Recorded.read(folder).orElseThrow().offsets()).isEqualTo(Map.of(PARTITION, 5L));
  }

  @Test
  void aFullDiskIsWaitedForAndNothingIsTornOrRepeated() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk.toString()) == 0,
        "mounting a small disk needs root");
    try {
      LinesSinkTask task = task(Map.of("lines.path", disk.resolve("lines").toString()));
      task.put(events(0, 50));
      commit(task);
      Path ballast = disk.resolve("ballast");
      fill(ballast);

      assertThatThrownBy(() -> task.put(events(50, 200)))
          .isInstanceOf(RetriableException.class)
          .hasMessageContaining("No space left on device");
      assertThatThrownBy(() -> task.put(events(50, 200))).isInstanceOf(RetriableException.class);
      Files.delete(ballast);
      task.put(events(50, 200));
      commit(task);

      assertThat(ids(disk.resolve("lines"))).containsExactlyElementsOf(expected(250));
      stop(task);
    } finally {
      run("umount", disk.toString());
    }
  }

  @Test
  void aProcessKilledAgainAndAgainWritesEachLineOnceAndWhole() throws Exception {
    Path committed = folder.resolve("committed");
    Path lines = folder.resolve("lines");
    int events = 8_000;
    for (int life = 0; life < 5; life++) {
      Process worker = worker(lines, committed, events);
      try (InputStream output = worker.getInputStream()) {
        assertThat(output.read()).as("the worker runs").isPositive();
        worker.waitFor(120 + 170L * life, TimeUnit.MILLISECONDS);
      }
      worker.destroyForcibly().waitFor();
    }

    Process last = worker(lines, committed, events);
    assertThat(last.waitFor(2, TimeUnit.MINUTES)).isTrue();
    assertThat(last.exitValue()).isZero();

    Map<String, List<String>> byPartition = new HashMap<>();
    for (String id : ids(lines)) {
      byPartition
          .computeIfAbsent(id.substring(0, id.lastIndexOf('-')), name -> new ArrayList<>())
          .add(id);
    }
    assertThat(byPartition).hasSize(3);
    for (int i = 0; i < 3; i++) {
      int partition = i;
      assertThat(byPartition.get("bianque.raw.dropwatch-" + i))
          .containsExactlyElementsOf(
              IntStream.range(0, events).mapToObj(n -> Fixtures.id(partition, n)).toList());
    }
    assertThat(names(lines).stream().filter(name -> name.endsWith(".gz")))
        .as("rotated files")
        .isNotEmpty();
    assertThat(names(lines))
        .noneMatch(name -> name.endsWith(".tmp") && !name.startsWith("positions"));
  }

  private Process worker(Path lines, Path committed, int events) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            "io.bianque.sinks.lines.Worker",
            registry.url(),
            lines.toString(),
            committed.toString(),
            Integer.toString(events))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private LinesSinkTask task(Map<String, String> settings) {
    Map<String, String> properties =
        new HashMap<>(
            Map.of(
                "registry.url", registry.url(), "lines.path", folder.toString(), "name", "test"));
    properties.putAll(settings);
    LinesSinkTask task = new LinesSinkTask();
    task.initialize(context);
    task.start(properties);
    tasks.add(task);
    return task;
  }

  private void stop(LinesSinkTask task) {
    tasks.remove(task);
    task.stop();
  }

  private static Map<TopicPartition, OffsetAndMetadata> commit(LinesSinkTask task) {
    return task.preCommit(Map.of(PARTITION, new OffsetAndMetadata(Long.MAX_VALUE)));
  }

  private static List<SinkRecord> events(int first, int count) {
    return IntStream.range(first, first + count)
        .mapToObj(offset -> Fixtures.event(0, offset))
        .toList();
  }

  private static List<String> expected(int count) {
    return IntStream.range(0, count).mapToObj(offset -> Fixtures.id(0, offset)).toList();
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(path -> path.getFileName().toString())
          .filter(name -> name.contains(".jsonl"))
          .sorted()
          .toList();
    }
  }

  /**
   * Ids of all lines, in the order they were written: a rotated file's name sorts before the one
   * being written.
   */
  private static List<String> ids(Path folder) throws IOException {
    List<String> ids = new ArrayList<>();
    for (String name : names(folder)) {
      try (InputStream file = Files.newInputStream(folder.resolve(name));
          InputStream in = name.endsWith(".gz") ? new GZIPInputStream(file) : file) {
        String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        assertThat(text)
            .satisfiesAnyOf(it -> assertThat(it).isEmpty(), it -> assertThat(it).endsWith("\n"));
        for (String line : text.lines().toList()) {
          ids.add(JSON.readTree(line).get("_id").asText());
        }
      }
    }
    return ids;
  }

  private static void fill(Path ballast) {
    try {
      for (int i = 0; i < 1_000; i++) {
        Files.write(ballast, new byte[4096], StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left");
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }
}
