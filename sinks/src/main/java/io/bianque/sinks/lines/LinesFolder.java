package io.bianque.sinks.lines;

import io.bianque.sinks.document.JsonBytes;
import io.bianque.sinks.lines.Recorded.End;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of all probes' files, with the positions that make them count. One writer, which a
 * lock file sees to; one thread.
 */
final class LinesFolder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LinesFolder.class);

  private final Path path;
  private final Rotation rotation;
  private final FileChannel lockFile;
  private final Map<String, ProbeFile> files = new HashMap<>();
  private final boolean foreign;
  private final ExecutorService compressor;
  private Recorded recorded;

  private LinesFolder(Path path, Rotation rotation, FileChannel lockFile, Optional<Recorded> found)
      throws IOException {
    this.path = path;
    this.rotation = rotation;
    this.lockFile = lockFile;
    this.foreign = found.isEmpty();
    this.recorded = found.orElseGet(() -> new Recorded(Map.of(), Map.of()));
    this.compressor =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("lines-gzip").daemon().factory());
    if (found.isEmpty()) {
      // From now on, what is in a file without a record is half-written.
      recorded.write(path);
    }
  }

  /**
   * Opens the folder, made when it is not there.
   *
   * @throws IOException also when another process or task writes there
   */
  static LinesFolder open(Path path, Rotation rotation) throws IOException {
    Files.createDirectories(path);
    FileChannel lockFile =
        FileChannel.open(
            path.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      lock(path, lockFile);
      return new LinesFolder(path, rotation, lockFile, Recorded.read(path));
    } catch (IOException e) {
      lockFile.close();
      throw e;
    }
  }

  private static void lock(Path path, FileChannel lockFile) throws IOException {
    try {
      FileLock lock = lockFile.tryLock();
      if (lock == null) {
        throw new IOException(
            "another process writes to "
                + path
                + "; every lines connector needs a lines.path of its own");
      }
    } catch (OverlappingFileLockException e) {
      throw new IOException(
          "another task writes to "
              + path
              + "; every lines connector needs a lines.path of its own",
          e);
    }
  }

  /** Where the partition's first record stands that is not recorded; 0 when nothing is. */
  Map<TopicPartition, Long> offsets() {
    return recorded.offsets();
  }

  /**
   * Whether the probe's file, with {@code pending} bytes of lines more, is full before it gets
   * {@code more}.
   */
  boolean full(String probe, int pending, int more) throws IOException {
    long used = file(probe).length() + pending;
    return used > 0 && used + more > rotation.bytes();
  }

  /** Appends whole lines to several probes' files. After an exception none of them counts. */
  void append(Map<String, JsonBytes> lines) throws IOException {
    try {
      for (Map.Entry<String, JsonBytes> probe : lines.entrySet()) {
        file(probe.getKey()).append(probe.getValue().array(), probe.getValue().length());
      }
      files.values().forEach(ProbeFile::accept);
    } catch (IOException e) {
      files.values().forEach(ProbeFile::rollBack);
      throw e;
    }
  }

  /**
   * Makes all lines durable and records that they go up to these offsets. After an exception the
   * old record stands.
   */
  void record(Map<TopicPartition, Long> offsets) throws IOException {
    for (ProbeFile file : files.values()) {
      file.sync();
    }
    Map<String, End> ends = new HashMap<>(recorded.files());
    files.forEach((probe, file) -> ends.put(probe, file.end()));
    Recorded next = new Recorded(ends, offsets);
    if (!next.equals(recorded)) {
      next.write(path);
      recorded = next;
    }
  }

  /** Ends the probe's file, all of which is recorded, and begins the next. */
  void rotate(String probe) throws IOException {
    ProbeFile ended = file(probe);
    files.remove(probe);
    ended.rotate(rotation.keep());
    compress(probe);
  }

  private ProbeFile file(String probe) throws IOException {
    ProbeFile file = files.get(probe);
    if (file == null) {
      file = ProbeFile.open(path, probe, Optional.ofNullable(recorded.files().get(probe)), foreign);
      files.put(probe, file);
      compress(probe);
    }
    return file;
  }

  private void compress(String probe) {
    if (rotation.gzip()) {
      compressor.execute(() -> {
        try {
          ProbeFile.compressRotated(path, probe);
        } catch (IOException e) {
          LOG.warn(
              "Rotated files of {} in {} stay as they are until the next rotation: {}",
              probe,
              path,
              e.toString());
        }
      });
    }
  }

  /**
   * Waits for a compression under way; one that has to be broken off is made again at the next
   * start.
   */
  @Override
  public void close() throws IOException {
    compressor.shutdown();
    try {
      if (!compressor.awaitTermination(10, TimeUnit.SECONDS)) {
        compressor.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (ProbeFile file : files.values()) {
      file.close();
    }
    lockFile.close();
  }
}
