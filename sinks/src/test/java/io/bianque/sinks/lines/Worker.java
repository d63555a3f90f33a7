package io.bianque.sinks.lines;

import io.bianque.sinks.event.FakeContext;
import io.bianque.sinks.event.Fixtures;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * A process that feeds a lines task as Connect would, and is there to be killed: from the offsets
 * committed last, in uneven portions, committing now and then.
 */
final class Worker {
  private static final int PARTITIONS = 3;

  private Worker() {}

  /**
   * Ends with status 0 when all events are committed.
   *
   * @param arguments registry URL, folder, file of the committed offsets, events of each partition
   */
  public static void main(String[] arguments) throws Exception {
    Path committedFile = Path.of(arguments[2]);
    long events = Long.parseLong(arguments[3]);
    LinesSinkTask task = new LinesSinkTask();
    FakeContext context = new FakeContext();
    task.initialize(context);
    task.start(
        Map.of(
            "registry.url",
            arguments[0],
            "lines.path",
            arguments[1],
            "rotate.bytes",
            "300000",
            "rotate.files",
            "1000",
            "rotate.gzip",
            "true"));
    Map<TopicPartition, Long> next = new HashMap<>();
    for (int i = 0; i < PARTITIONS; i++) {
      next.put(new TopicPartition(Fixtures.TOPIC, i), 0L);
    }
    if (Files.exists(committedFile)) {
      List<String> lines = Files.readAllLines(committedFile);
      for (int i = 0; i < PARTITIONS; i++) {
        next.put(new TopicPartition(Fixtures.TOPIC, i), Long.parseLong(lines.get(i)));
      }
    }
    System.out.println("running");
    for (int turn = 0; next.values().stream().anyMatch(offset -> offset < events); turn++) {
      List<SinkRecord> records = new ArrayList<>();
      for (Map.Entry<TopicPartition, Long> partition : next.entrySet()) {
        for (int i = turn % 7 * 10; i >= 0 && partition.getValue() < events; i--) {
          records.add(Fixtures.event(partition.getKey().partition(), partition.getValue()));
          partition.setValue(partition.getValue() + 1);
        }
      }
      task.put(records);
      if (turn % 5 == 0) {
        commit(task, next, committedFile);
      }
    }
    commit(task, next, committedFile);
    task.stop();
  }

  private static void commit(LinesSinkTask task, Map<TopicPartition, Long> delivered, Path file)
      throws Exception {
    Map<TopicPartition, OffsetAndMetadata> asked = new HashMap<>();
    delivered.forEach((partition, offset) -> asked.put(partition, new OffsetAndMetadata(offset)));
    Map<TopicPartition, OffsetAndMetadata> done = task.preCommit(asked);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < PARTITIONS; i++) {
      OffsetAndMetadata offset = done.get(new TopicPartition(Fixtures.TOPIC, i));
      text.append(offset == null ? 0 : offset.offset()).append('\n');
    }
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    Files.writeString(temporary, text);
    Files.move(temporary, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
  }
}
