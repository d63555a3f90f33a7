package io.bianque.sinks.lines;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;

/**
 * What the files are known to hold: the content of {@code positions.json}.
 *
 * @param files by probe
 * @param offsets of the first record of each partition that is not in them
 */
record Recorded(Map<String, End> files, Map<TopicPartition, Long> offsets) {
  static final String NAME = "positions.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Where a probe's newest file ends.
   *
   * @param generation its number among the probe's files, counted from 1
   * @param length in bytes
   */
  record End(long generation, long length) {}

  Recorded {
    files = Map.copyOf(files);
    offsets = Map.copyOf(offsets);
  }

  /** What the folder has; empty when nobody has written there with positions. */
  static Optional<Recorded> read(Path folder) throws IOException {
    Path path = folder.resolve(NAME);
    if (!Files.exists(path)) {
      return Optional.empty();
    }
    Map<String, End> files = new HashMap<>();
    Map<TopicPartition, Long> offsets = new HashMap<>();
    try {
      ObjectNode root = (ObjectNode) JSON.readTree(path.toFile());
      root.withObject("/files")
          .properties()
          .forEach(file ->
              files.put(
                  file.getKey(),
                  new End(
                      file.getValue().get("generation").longValue(),
                      file.getValue().get("length").longValue())));
      root.withObject("/offsets")
          .properties()
          .forEach(topic ->
              topic
                  .getValue()
                  .properties()
                  .forEach(partition ->
                      offsets.put(
                          new TopicPartition(topic.getKey(), Integer.parseInt(partition.getKey())),
                          partition.getValue().longValue())));
    } catch (RuntimeException e) {
      throw new IOException(path + " is not what this sink writes: " + e, e);
    }
    return Optional.of(new Recorded(files, offsets));
  }

  /**
   * Replaces the folder's positions in one step: a reader finds the old or the new, whatever
   * happens meanwhile.
   */
  void write(Path folder) throws IOException {
    ObjectNode root = JSON.createObjectNode();
    ObjectNode fileNodes = root.putObject("files");
    files.forEach((probe, end) ->
        fileNodes.putObject(probe).put("generation", end.generation()).put("length", end.length()));
    ObjectNode topics = root.putObject("offsets");
    offsets.forEach((partition, next) ->
        topics
            .withObjectProperty(partition.topic())
            .put(Integer.toString(partition.partition()), next));
    Path temporary = folder.resolve(NAME + ".tmp");
    try (FileChannel channel =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(JSON.writeValueAsBytes(root));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(
        temporary,
        folder.resolve(NAME),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    sync(folder);
  }

  /**
   * Makes a folder's names durable: a file's own bytes are not enough to find it by its name after
   * a power cut.
   */
  static void sync(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
