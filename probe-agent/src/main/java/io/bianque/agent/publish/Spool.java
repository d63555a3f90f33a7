package io.bianque.agent.publish;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.zip.CRC32C;

/**
 * Events of one probe on disk, first in, first out, in segment files. For one thread.
 *
 * <p>Reading and acknowledging are two steps: {@link #next} hands an event out, {@link
 * #acknowledge} says up to where everything is with the broker, and only that is remembered on
 * disk. So an event is sent again by the next run only if the agent was killed between the broker's
 * acknowledgement and the write of the position.
 *
 * <p>Written data is in the kernel's page cache at once, and so outlives the agent whatever becomes
 * of it; it is synced to the disk when a segment is finished and at a clean stop. A host that loses
 * its power loses what was not synced.
 */
final class Spool implements Closeable {
  /** First segment's number. In the middle, so that a segment can be put before all others. */
  private static final long FIRST_SEGMENT = 1L << 40;

  private static final String SEGMENT_SUFFIX = ".seg";
  private static final int POSITION_BYTES = 24;
  private static final int COPY_BATCH = 256;

  private final Path dir;
  private final long segmentBytes;
  private final Function<Life, Counts> counts;
  private final Deque<Segment> segments = new ArrayDeque<>();
  private final FileChannel positionFile;
  private SegmentWriter writer;
  private SegmentReader reader;
  private Entry givenBack;
  private Position acknowledged;
  private Position handedOut;
  private boolean positionChanged;
  private long unreadable;

  /** The end of an event in a segment. */
  record Position(long segment, long offset) {}

  /** An event with the position behind it, and the offset from which on it was the next. */
  record Entry(Event event, long start, Position end) {}

  private Spool(
      Path dir, long segmentBytes, Function<Life, Counts> counts, FileChannel positionFile) {
    this.dir = dir;
    this.segmentBytes = segmentBytes;
    this.counts = counts;
    this.positionFile = positionFile;
  }

  /**
   * Opens the folder, or makes it. A torn end of a segment, as a crash leaves it, is cut off; what
   * is left is counted as spooled in the counts of its life.
   */
  static Spool open(Path dir, long segmentBytes, Function<Life, Counts> counts) throws IOException {
    Files.createDirectories(dir);
    FileChannel positionFile =
        FileChannel.open(
            dir.resolve("position"),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    Spool spool = new Spool(dir, segmentBytes, counts, positionFile);
    try {
      spool.recover();
    } catch (IOException | RuntimeException e) {
      positionFile.close();
      throw e;
    }
    return spool;
  }

  private void recover() throws IOException {
    acknowledged = readPosition();
    handedOut = acknowledged;
    List<Path> files;
    try (var listing = Files.list(dir)) {
      files =
          listing
              .filter(file -> file.toString().endsWith(SEGMENT_SUFFIX))
              .sorted(Comparator.comparing(Path::toString))
              .toList();
    }
    for (Path file : files) {
      long id = segmentId(file);
      if (id < acknowledged.segment()) {
        Files.delete(file);
        continue;
      }
      long from = id == acknowledged.segment() ? acknowledged.offset() : 0;
      Segment segment = new Segment(id, file);
      segment.readFrom = from;
      try (SegmentReader scan = new SegmentReader(segment, counts)) {
        for (SegmentReader.Item item = scan.next(); item != null; item = scan.next()) {
          if (item.end() > from) {
            segment.count(item.event().stream, 1);
          }
        }
        segment.size = scan.validLength();
      }
      long onDisk = Files.size(file);
      if (segment.size < onDisk) {
        unreadable += onDisk - segment.size;
        truncate(file, segment.size);
      }
      if (segment.events() == 0) {
        Files.delete(file);
      } else {
        segment.unsent.forEach((life, number) -> counts.apply(life).foundOnDisk(number[0]));
        segments.add(segment);
      }
    }
  }

  /** Bytes on disk, events that are sent and not yet acknowledged included. */
  long bytes() {
    long bytes = writer == null ? 0 : writer.segment().size;
    for (Segment segment : segments) {
      bytes += segment.size;
    }
    return bytes;
  }

  /** Whether there is nothing left for {@link #next}. */
  boolean isEmpty() {
    return writer == null && segments.stream().allMatch(segment -> segment.events() == 0);
  }

  /** Bytes found unreadable when the spool was opened: torn ends. */
  long unreadableBytes() {
    return unreadable;
  }

  /**
   * Appends the events and counts them as spooled. When it throws, those before the failed ones are
   * written and counted; {@code events} holds the rest.
   */
  void append(Deque<Event> events) throws IOException {
    while (!events.isEmpty()) {
      if (writer == null) {
        writer = SegmentWriter.create(newSegment(), segmentBytes);
      }
      try {
        writer.write(events).forEach(Event::spooled);
      } catch (IOException e) {
        finishSegment();
        throw e;
      }
      if (writer.segment().size >= segmentBytes) {
        finishSegment();
      }
    }
  }

  /**
   * Takes back what was with a producer that is no more: these events come first again, before all
   * that is on disk, and are counted as spooled. Those of them that {@link #next} had handed out
   * are forgotten where they were.
   *
   * <p>When it throws, nothing is taken back; what had been handed out stays so.
   */
  void takeBack(List<Event> events) throws IOException {
    closeReader();
    Segment begun =
        segments.stream()
            .filter(segment -> segment.events() > 0 && segment.readFrom > 0)
            .findFirst()
            .orElse(null);
    long id = firstId() - 1;
    Segment prefix = new Segment(id, dir.resolve(name(id)));
    try (SegmentWriter out = SegmentWriter.create(prefix, segmentBytes)) {
      writeAll(new ArrayDeque<>(events), out);
      if (begun != null) {
        copyUnsent(begun, out);
      }
    } catch (IOException e) {
      Files.deleteIfExists(prefix.path);
      acknowledge(handedOut);
      throw e;
    }
    acknowledged = new Position(prefix.id, 0);
    positionChanged = true;
    writePosition();
    while (!segments.isEmpty()
        && (segments.getFirst() == begun || segments.getFirst().events() == 0)) {
      Files.deleteIfExists(segments.removeFirst().path);
    }
    segments.addFirst(prefix);
    events.forEach(Event::spooled);
  }

  /**
   * Moves the rest of a segment behind what was taken back, so that one position is enough to go on
   * from.
   */
  private void copyUnsent(Segment begun, SegmentWriter out) throws IOException {
    Deque<Event> batch = new ArrayDeque<>();
    try (SegmentReader rest = new SegmentReader(begun, counts)) {
      rest.skipTo(begun.readFrom);
      for (SegmentReader.Item item = rest.next(); item != null; item = rest.next()) {
        batch.add(item.event());
        if (batch.size() == COPY_BATCH) {
          writeAll(batch, out);
        }
      }
    }
    writeAll(batch, out);
  }

  private static void writeAll(Deque<Event> events, SegmentWriter out) throws IOException {
    while (!events.isEmpty()) {
      out.write(events);
    }
  }

  /**
   * The next event to send, or null. It is no longer counted as spooled: the caller has it in
   * flight.
   */
  Entry next() throws IOException {
    if (givenBack != null) {
      Entry again = givenBack;
      givenBack = null;
      return handOut(reader.segment(), again);
    }
    while (true) {
      if (reader == null) {
        Segment segment = firstUnread();
        if (segment == null) {
          return null;
        }
        reader = new SegmentReader(segment, counts);
        reader.skipTo(segment.readFrom);
      }
      SegmentReader.Item item = reader.next();
      Segment segment = reader.segment();
      if (item != null) {
        return handOut(
            segment,
            new Entry(item.event(), segment.readFrom, new Position(segment.id, item.end())));
      }
      closeReader();
      if (segment.events() > 0) {
        // Damaged since it was written: what cannot be read is given up, and said so.
        giveUp(segment, DropReason.DISK);
      }
    }
  }

  private Entry handOut(Segment segment, Entry entry) {
    segment.count(entry.event().stream, -1);
    segment.readFrom = entry.end().offset();
    entry.event().stream.counts().unspooled(1);
    handedOut = entry.end();
    return entry;
  }

  /**
   * Takes the event back that {@link #next} handed out last: it could not be sent, is the next
   * again, and goes with its segment if that is given up.
   */
  void giveBack(Entry entry) {
    Segment segment = reader.segment();
    segment.count(entry.event().stream, 1);
    segment.readFrom = entry.start();
    entry.event().spooled();
    handedOut = new Position(segment.id, entry.start());
    givenBack = entry;
  }

  private Segment firstUnread() throws IOException {
    for (Segment segment : segments) {
      if (segment.events() > 0) {
        return segment;
      }
    }
    if (writer != null) {
      finishSegment();
      return firstUnread();
    }
    return null;
  }

  /** Everything up to there is with the broker. */
  void acknowledge(Position end) throws IOException {
    acknowledged = end;
    positionChanged = true;
    while (!segments.isEmpty()) {
      Segment first = segments.getFirst();
      boolean behind = first.id < end.segment();
      boolean finished = first.id == end.segment() && end.offset() >= first.size;
      if (!(behind || finished) || first.events() > 0) {
        break;
      }
      closeReader();
      segments.removeFirst();
      Files.deleteIfExists(first.path);
    }
  }

  /** Remembers what was acknowledged; cheap when nothing changed. */
  void writePosition() throws IOException {
    if (!positionChanged) {
      return;
    }
    ByteBuffer buffer = ByteBuffer.allocate(POSITION_BYTES);
    buffer.putLong(acknowledged.segment()).putLong(acknowledged.offset());
    buffer.putLong(checksum(acknowledged)).flip();
    positionFile.write(buffer, 0);
    positionChanged = false;
  }

  /** Gives up the oldest segment; false when there is none to give up. */
  boolean dropOldest(DropReason reason) throws IOException {
    if (segments.stream().allMatch(segment -> segment.events() == 0)) {
      if (writer == null) {
        return false;
      }
      finishSegment();
    }
    for (Segment segment : segments) {
      if (segment.events() > 0) {
        if (reader != null && reader.segment() == segment) {
          closeReader();
        }
        giveUp(segment, reason);
        segments.remove(segment);
        Files.deleteIfExists(segment.path);
        return true;
      }
    }
    return false;
  }

  private void giveUp(Segment segment, DropReason reason) {
    segment.unsent.forEach(
        (life, number) -> counts.apply(life).droppedFromSpool(reason, number[0]));
    segment.unsent.clear();
  }

  /** Finishes the segment being written, and syncs everything to the disk. */
  @Override
  public void close() throws IOException {
    closeReader();
    if (writer != null) {
      finishSegment();
    }
    writePosition();
    positionFile.force(false);
    positionFile.close();
  }

  private void finishSegment() throws IOException {
    SegmentWriter finished = writer;
    writer = null;
    finished.close();
    if (finished.segment().size == 0) {
      Files.deleteIfExists(finished.segment().path);
    } else {
      segments.addLast(finished.segment());
    }
  }

  private void closeReader() {
    givenBack = null;
    if (reader != null) {
      reader.close();
      reader = null;
    }
  }

  private Segment newSegment() {
    long id =
        segments.isEmpty()
            ? Math.max(FIRST_SEGMENT, acknowledged.segment() + 1)
            : segments.getLast().id + 1;
    return new Segment(id, dir.resolve(name(id)));
  }

  private long firstId() {
    if (!segments.isEmpty()) {
      return segments.getFirst().id;
    }
    return writer != null
        ? writer.segment().id
        : Math.max(FIRST_SEGMENT, acknowledged.segment() + 1);
  }

  private Position readPosition() throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(POSITION_BYTES);
    int read = positionFile.read(buffer, 0);
    Position position = new Position(buffer.getLong(0), buffer.getLong(8));
    if (read == POSITION_BYTES && buffer.getLong(16) == checksum(position)) {
      return position;
    }
    // None yet, or torn: from the beginning. What was sent already is sent twice, and recognised by
    // its sequence.
    return new Position(0, 0);
  }

  private static long checksum(Position position) {
    CRC32C crc = new CRC32C();
    crc.update(
        ByteBuffer.allocate(16).putLong(position.segment()).putLong(position.offset()).flip());
    return crc.getValue();
  }

  private static String name(long id) {
    return "%016x%s".formatted(id, SEGMENT_SUFFIX);
  }

  private static long segmentId(Path file) {
    String name = file.getFileName().toString();
    try {
      return Long.parseLong(name, 0, name.length() - SEGMENT_SUFFIX.length(), 16);
    } catch (NumberFormatException e) {
      throw new UncheckedIOException(
          new IOException(file + " is no segment of a spool: move it away", e));
    }
  }

  private static void truncate(Path file, long size) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(size);
    }
  }

  /** One file, with the number of its events that were not handed out yet, by life. */
  static final class Segment {
    final long id;
    final Path path;
    final Map<Life, long[]> unsent = new HashMap<>();
    long size;
    long readFrom;

    Segment(long id, Path path) {
      this.id = id;
      this.path = path;
    }

    void count(Stream stream, long change) {
      unsent.computeIfAbsent(stream.life(), _ -> new long[1])[0] += change;
    }

    long events() {
      long events = 0;
      for (long[] number : unsent.values()) {
        events += number[0];
      }
      return events;
    }
  }
}
