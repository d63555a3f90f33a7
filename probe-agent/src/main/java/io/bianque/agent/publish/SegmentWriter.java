package io.bianque.agent.publish;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Writes one segment: {@code length:u32 crc32c:u32 payload} after one another, big endian. A
 * payload is either a stream's definition or an event that refers to one, so that a segment can be
 * read without any other.
 */
final class SegmentWriter implements Closeable {
  static final int FRAME = 8;
  static final byte DEFINITION = 1;
  static final byte EVENT = 2;

  /** Type, number of the stream, wall time. */
  static final int EVENT_HEADER = 1 + 2 + 8;

  /**
   * One write to the file. Large enough that system calls do not count, small enough for a small
   * heap.
   */
  private static final int BUFFER = 1 << 16;

  private final Spool.Segment segment;
  private final FileChannel channel;
  private final Map<Stream, Integer> streams = new HashMap<>();
  private ByteBuffer buffer;

  private SegmentWriter(Spool.Segment segment, int bufferBytes, FileChannel channel) {
    this.segment = segment;
    this.channel = channel;
    this.buffer = ByteBuffer.allocate(bufferBytes);
  }

  /**
   * A new file; {@code segmentBytes} is about where the caller ends it, and so the most that one
   * write need hold.
   */
  static SegmentWriter create(Spool.Segment segment, long segmentBytes) throws IOException {
    return new SegmentWriter(
        segment,
        (int) Math.min(BUFFER, segmentBytes),
        FileChannel.open(
            segment.path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE));
  }

  Spool.Segment segment() {
    return segment;
  }

  /**
   * Writes a buffer full of the events and takes them off the queue. When it throws, the file ends
   * where it ended before, the queue is as it was, and this writer must be closed.
   *
   * @return those written
   */
  List<Event> write(Deque<Event> events) throws IOException {
    buffer.clear();
    List<Event> pending = new ArrayList<>();
    for (Event event : events) {
      byte[] definition = streams.containsKey(event.stream) ? null : definition(event.stream);
      int needed =
          (definition == null ? 0 : FRAME + definition.length)
              + FRAME
              + EVENT_HEADER
              + event.bodyLength();
      if (needed > buffer.remaining()) {
        if (!pending.isEmpty()) {
          break;
        }
        buffer = ByteBuffer.allocate(needed);
      }
      if (definition != null) {
        streams.put(event.stream, streams.size());
        frame(definition);
      }
      put(event);
      pending.add(event);
    }
    flush();
    for (Event event : pending) {
      events.removeFirst();
      segment.count(event.stream, 1);
    }
    return pending;
  }

  private void flush() throws IOException {
    buffer.flip();
    int length = buffer.remaining();
    try {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    } catch (IOException e) {
      channel.truncate(segment.size);
      throw e;
    }
    segment.size += length;
  }

  private byte[] definition(Stream stream) {
    Life life = stream.life();
    byte[] text =
        String.join("\n", life.probe(), life.bootId(), Long.toString(life.epoch()), stream.schema())
            .getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(1 + 2 + text.length)
        .put(DEFINITION)
        .putShort((short) streams.size())
        .put(text)
        .array();
  }

  private void frame(byte[] payload) {
    CRC32C crc = new CRC32C();
    crc.update(payload);
    buffer.putInt(payload.length).putInt((int) crc.getValue()).put(payload);
  }

  private void put(Event event) {
    int start = buffer.position();
    int length = EVENT_HEADER + event.bodyLength();
    buffer
        .putInt(length)
        .putInt(0)
        .put(EVENT)
        .putShort(streams.get(event.stream).shortValue())
        .putLong(event.wallNanos)
        .put(event.value, event.value.length - event.bodyLength(), event.bodyLength());
    CRC32C crc = new CRC32C();
    crc.update(buffer.array(), start + FRAME, length);
    buffer.putInt(start + 4, (int) crc.getValue());
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      channel.force(false);
    }
  }
}
