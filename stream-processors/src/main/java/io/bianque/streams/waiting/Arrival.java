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
 * @param offset where it stands, or stood when it came first
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
    Admission admission) {
  private static final byte FORMAT = 1;

  /** Whether it has been found to be no duplicate. */
  public enum Admission {
    NEW(0),
    /** It has been read and counted, and must not be held against the window again. */
    ADMITTED(1),
    /** It was a dead letter and was sent again: long ago by its number, and yet no duplicate. */
    AGAIN(2),
    /** It was such a one, and has been counted. */
    ADMITTED_AGAIN(3);

    private final int stored;

    Admission(int stored) {
      this.stored = stored;
    }

    private static Admission of(int stored) {
      return switch (stored) {
        case 0 -> NEW;
        case 1 -> ADMITTED;
        case 2 -> AGAIN;
        case 3 -> ADMITTED_AGAIN;
        default -> throw new IllegalStateException("The waiting room holds admission " + stored);
      };
    }
  }

  public boolean admitted() {
    return admission == Admission.ADMITTED || admission == Admission.ADMITTED_AGAIN;
  }

  /** Whether it was a dead letter and was sent again. */
  public boolean again() {
    return admission == Admission.AGAIN || admission == Admission.ADMITTED_AGAIN;
  }

  public Arrival asAdmitted() {
    return new Arrival(
        topic,
        partition,
        offset,
        timestampMs,
        key,
        value,
        arrivedMs,
        again() ? Admission.ADMITTED_AGAIN : Admission.ADMITTED);
  }

  byte[] toBytes() {
    ByteArrayOutputStream bytes =
        new ByteArrayOutputStream(64 + (value == null ? 0 : value.length));
    DataOutputStream out = new DataOutputStream(bytes);
    try {
      out.writeByte(FORMAT);
      out.writeByte(admission.stored);
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
      Admission admission = Admission.of(in.readByte());
      String topic = in.readUTF();
      int partition = in.readInt();
      long offset = in.readLong();
      long timestampMs = in.readLong();
      long arrivedMs = in.readLong();
      byte[] key = read(in);
      byte[] value = read(in);
      return new Arrival(topic, partition, offset, timestampMs, key, value, arrivedMs, admission);
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
