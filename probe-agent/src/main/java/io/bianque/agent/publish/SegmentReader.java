package io.bianque.agent.publish;

import io.bianque.agent.probe.Receipt;
import io.bianque.schemas.wire.WireFormat;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.zip.CRC32C;

/** Reads one segment from its beginning, as far as its records are whole. */
final class SegmentReader implements Closeable {
  /** No event is that large: a longer length is damage, and not worth an array. */
  private static final int LONGEST_PAYLOAD = 16 << 20;

  private final Spool.Segment segment;
  private final Function<Life, Counts> counts;
  private final DataInputStream in;
  private final List<Stream> streams = new ArrayList<>();
  private long skipTo;
  private long valid;

  /**
   * An event.
   *
   * @param end offset behind it
   */
  record Item(Event event, long end) {}

  SegmentReader(Spool.Segment segment, Function<Life, Counts> counts) throws IOException {
    this.segment = segment;
    this.counts = counts;
    this.in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(segment.path), 1 << 16));
  }

  Spool.Segment segment() {
    return segment;
  }

  /** Leaves out events that end at or before the offset. */
  void skipTo(long offset) {
    skipTo = offset;
  }

  /** Bytes from the beginning that were found whole so far. */
  long validLength() {
    return valid;
  }

  /** The next event; null at the end, or where a record is torn or damaged. */
  Item next() throws IOException {
    while (true) {
      byte[] payload = payload();
      if (payload == null) {
        return null;
      }
      ByteBuffer buffer = ByteBuffer.wrap(payload);
      byte type = buffer.get();
      int number = buffer.getShort();
      if (type == SegmentWriter.DEFINITION) {
        streams.add(stream(buffer));
      } else if (valid > skipTo) {
        long wallNanos = buffer.getLong();
        byte[] value = new byte[WireFormat.HEADER + buffer.remaining()];
        buffer.get(value, WireFormat.HEADER, buffer.remaining());
        return new Item(new Event(streams.get(number), wallNanos, value, Receipt.NONE), valid);
      }
    }
  }

  private byte[] payload() throws IOException {
    try {
      int length = in.readInt();
      int crc = in.readInt();
      if (length < SegmentWriter.EVENT_HEADER || length > LONGEST_PAYLOAD) {
        return null;
      }
      byte[] payload = in.readNBytes(length);
      CRC32C computed = new CRC32C();
      computed.update(payload);
      if (payload.length < length || (int) computed.getValue() != crc) {
        return null;
      }
      valid += SegmentWriter.FRAME + length;
      return payload;
    } catch (EOFException end) {
      return null;
    }
  }

  private Stream stream(ByteBuffer buffer) {
    String[] lines = StandardCharsets.UTF_8.decode(buffer).toString().split("\n", -1);
    Life life = new Life(lines[0], lines[1], Long.parseLong(lines[2]));
    return new Stream(life, lines[3], counts.apply(life));
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw new UncheckedIOException("Closing " + segment.path + ", which was only read", e);
    }
  }
}
