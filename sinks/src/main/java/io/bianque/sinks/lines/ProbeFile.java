package io.bianque.sinks.lines;

import io.bianque.sinks.lines.Recorded.End;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One probe's files: {@code <probe>.jsonl}, which is written, and {@code
 * <probe>.<generation>.jsonl[.gz]}, which are done.
 *
 * <p>One thread, but for {@link #compressRotated}. Writes go to a position of ours, not to the end
 * of the file: so a write that failed half way is overwritten by its repetition.
 */
final class ProbeFile implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ProbeFile.class);

  private final Path folder;
  private final String probe;
  private final FileChannel channel;
  private final long generation;

  /** Where the accepted lines end, and where the ones behind them do. */
  private long length;

  private long tail;
  private boolean dirty;

  private ProbeFile(Path folder, String probe, FileChannel channel, long generation, long length) {
    this.folder = folder;
    this.probe = probe;
    this.channel = channel;
    this.generation = generation;
    this.length = length;
    this.tail = length;
  }

  /**
   * Opens the probe's newest file to write behind its recorded end, and cuts off what is beyond
   * that.
   *
   * @param recorded where it ends; empty when nothing was recorded of this probe yet
   * @param foreign whether what is there without a record is to be kept: somebody's lines, not our
   *     half-written ones
   */
  static ProbeFile open(Path folder, String probe, Optional<End> recorded, boolean foreign)
      throws IOException {
    long newestRotated =
        rotated(folder, probe).stream().mapToLong(Rotated::generation).max().orElse(0);
    FileChannel channel =
        FileChannel.open(
            folder.resolve(probe + ".jsonl"),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      long generation = recorded.map(End::generation).orElse(newestRotated + 1);
      long length = recorded.map(End::length).orElse(0L);
      if (recorded.isPresent() && generation <= newestRotated) {
        // The recorded one was rotated, and the process ended before it recorded that.
        generation = newestRotated + 1;
        length = 0;
      } else if (recorded.isEmpty() && foreign) {
        length = endOfLastLine(channel);
      } else if (channel.size() < length) {
        LOG.error(
            "{} has {} bytes and not the {} that were written: lines are gone",
            folder.resolve(probe + ".jsonl"),
            channel.size(),
            length);
        length = endOfLastLine(channel);
      }
      channel.truncate(length);
      return new ProbeFile(folder, probe, channel, generation, length);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  private static long endOfLastLine(FileChannel channel) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    for (long end = channel.size(); end > 0; end--) {
      one.clear();
      channel.read(one, end - 1);
      if (one.get(0) == '\n') {
        return end;
      }
    }
    return 0;
  }

  /** Writes whole lines, which count once they are accepted. */
  void append(byte[] lines, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(lines, 0, count);
    dirty = true;
    while (bytes.hasRemaining()) {
      tail += channel.write(bytes, tail);
    }
  }

  void accept() {
    length = tail;
  }

  /** Lets the next append overwrite what was not accepted. */
  void rollBack() {
    tail = length;
  }

  long length() {
    return length;
  }

  End end() {
    return new End(generation, length);
  }

  /** Returns when all that was appended is on the disk. */
  void sync() throws IOException {
    if (dirty) {
      channel.force(true);
      dirty = false;
    }
  }

  /**
   * Ends this file, which has to be synced and recorded; {@link #open} begins the next. Closes it,
   * whatever happens.
   */
  void rotate(int keep) throws IOException {
    try (channel) {
      // What a failed write left beyond the end.
      channel.truncate(length);
      Files.move(
          folder.resolve(probe + ".jsonl"),
          folder.resolve(rotatedName(probe, generation)),
          StandardCopyOption.ATOMIC_MOVE);
    }
    Recorded.sync(folder);
    List<Rotated> present = rotated(folder, probe);
    for (Rotated old : present.subList(0, Math.max(0, present.size() - keep))) {
      Files.deleteIfExists(old.path());
    }
  }

  /**
   * Compresses the rotated files of a probe that are not yet, and removes the halves of an earlier
   * attempt.
   */
  static void compressRotated(Path folder, String probe) throws IOException {
    for (Rotated file : rotated(folder, probe)) {
      Path plain = folder.resolve(rotatedName(probe, file.generation()));
      Path compressed = folder.resolve(rotatedName(probe, file.generation()) + ".gz");
      if (Files.exists(plain) && !Files.exists(compressed)) {
        compress(plain, compressed);
      }
      if (Files.exists(compressed)) {
        Files.deleteIfExists(plain);
      }
    }
  }

  private static void compress(Path plain, Path compressed) throws IOException {
    Path temporary = compressed.resolveSibling(compressed.getFileName() + ".tmp");
    try (FileChannel channel =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      OutputStream file = Channels.newOutputStream(channel);
      GZIPOutputStream gzip = new GZIPOutputStream(file, 64 << 10);
      Files.copy(plain, gzip);
      gzip.finish();
      channel.force(true);
    } catch (IOException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
    Files.move(temporary, compressed, StandardCopyOption.ATOMIC_MOVE);
    Recorded.sync(compressed.getParent());
  }

  private record Rotated(long generation, Path path) {}

  private static String rotatedName(String probe, long generation) {
    return probe + ".%08d.jsonl".formatted(generation);
  }

  /** The probe's rotated files, oldest first. */
  private static List<Rotated> rotated(Path folder, String probe) throws IOException {
    Pattern name = Pattern.compile(Pattern.quote(probe) + "\\.(\\d{8,18})\\.jsonl(\\.gz)?");
    List<Rotated> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      files.forEach(path -> {
        Matcher matcher = name.matcher(path.getFileName().toString());
        if (matcher.matches()) {
          found.add(new Rotated(Long.parseLong(matcher.group(1)), path));
        }
      });
    }
    found.sort(Comparator.comparingLong(Rotated::generation));
    return found;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
