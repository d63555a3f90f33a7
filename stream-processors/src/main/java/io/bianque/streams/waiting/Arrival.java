package io.bianque.streams.waiting;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A record as it came from its topic. The arrays are not copied and must not be changed.
 *
 * @param timestampMs of the record: the kernel's time of the event
 * @param key null when it had none
 * @param value null when it had none
 * @param arrivedMs wall time at which it was first seen here
 * @param admitted whether it has been read and counted: it is no duplicate, and must not be held
 *     against the window again
 */
// Nobody compares arrivals: two of the same bytes are told apart by where they stand.
@SuppressWarnings("ArrayRecordComponent")
public record Arrival(
    String topic,
    int partition,
    long offset,
    long timestampMs,
    byte[] key,
    byte[] value,
    long arrivedMs,
    boolean admitted) {
  private static final byte FORMAT = 1;

  public Arrival asAdmitted() {
    return new Arrival(topic, partition, offset, timestampMs, key, value, arrivedMs, true);
  }

  byte[] toBytes() {
    ByteArrayOutputStream bytes =
        new ByteArrayOutputStream(64 + (value == null ? 0 : value.length));
    DataOutputStream out = new DataOutputStream(bytes);
    try {
      out.writeByte(FORMAT);
      out.writeBoolean(admitted);
      out.writeUTF(topic);
      out.writeInt(partition);
      out.writeLong(offset);
      out.writeLong(timestampMs);
      out.writeLong(arrivedMs);
      write(out, key);
      write(out, value);
    } catch (IOException e) {
      throw new UncheckedIOException("Writing to memory failed", e);
    }
    return bytes.toByteArray();
  }

  static Arrival fromBytes(byte[] bytes) {
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
    try {
      byte format = in.readByte();
      if (format != FORMAT) {
        throw new IllegalStateException(
            "The waiting room holds a record of format " + format + "; known is " + FORMAT);
      }
      boolean admitted = in.readBoolean();
      String topic = in.readUTF();
      int partition = in.readInt();
      long offset = in.readLong();
      long timestampMs = in.readLong();
      long arrivedMs = in.readLong();
      byte[] key = read(in);
      byte[] value = read(in);
      return new Arrival(topic, partition, offset, timestampMs, key, value, arrivedMs, admitted);
    } catch (IOException e) {
      throw new UncheckedIOException("The waiting room holds a record that cannot be read", e);
    }
  }

  private static void write(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) {
      out.write(bytes);
    }
  }

  private static byte[] read(DataInputStream in) throws IOException {
    int length = in.readInt();
    return length < 0 ? null : in.readNBytes(length);
  }
}
