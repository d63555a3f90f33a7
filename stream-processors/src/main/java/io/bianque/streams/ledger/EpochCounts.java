package io.bianque.streams.ledger;

import io.bianque.facts.Gap;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;

/** What became of one epoch's events, as the store keeps it. For one thread. */
final class EpochCounts {
  private static final byte FORMAT = 1;

  /** Of the numbers between {@link #head} and {@link #tail}. */
  private static final int NUMBERS = 6 * Long.BYTES + 1;

  final EpochKey key;
  final String storeKey;
  long received;
  long enriched;
  long deadLettered;
  long duplicates;
  long holes;
  private final Map<String, Long> ignored = new TreeMap<>();

  /** The agent's newest counters, in the wire format; null before the first. */
  private byte[] counters;

  /** What is not known before this epoch; null when nothing is. */
  private Gap gap;

  /** Whether something changed since the last row. */
  boolean unreported;

  /** Wall time of the last change, ms since 1970. */
  long touchedMs;

  /**
   * What the store keeps before the numbers, and behind them: the same from one event to the next,
   * mostly. Null: to be made.
   */
  private byte[] head;

  private byte[] tail;

  EpochCounts(EpochKey key) {
    this.key = key;
    this.storeKey = key.storeKey();
  }

  Map<String, Long> ignored() {
    return ignored;
  }

  void addIgnored(String rule) {
    ignored.merge(rule, 1L, Long::sum);
    tail = null;
  }

  byte[] counters() {
    return counters;
  }

  void counters(byte[] newest) {
    counters = newest;
    tail = null;
  }

  Gap gap() {
    return gap;
  }

  void gap(Gap before) {
    gap = before;
    tail = null;
  }

  long ignoredTotal() {
    return ignored.values().stream().mapToLong(Long::longValue).sum();
  }

  long waiting() {
    return received - enriched - ignoredTotal() - deadLettered - duplicates;
  }

  byte[] toBytes() {
    if (head == null) {
      head = bytes(this::writeHead);
    }
    if (tail == null) {
      tail = bytes(this::writeTail);
    }
    return ByteBuffer.allocate(head.length + NUMBERS + tail.length)
        .put(head)
        .putLong(received)
        .putLong(enriched)
        .putLong(deadLettered)
        .putLong(duplicates)
        .putLong(holes)
        .put((byte) (unreported ? 1 : 0))
        .putLong(touchedMs)
        .put(tail)
        .array();
  }

  private interface Writing {
    void to(DataOutputStream out) throws IOException;
  }

  private static byte[] bytes(Writing writing) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try {
      writing.to(new DataOutputStream(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException("Writing to memory failed", e);
    }
    return bytes.toByteArray();
  }

  private void writeHead(DataOutputStream out) throws IOException {
    out.writeByte(FORMAT);
    out.writeUTF(key.hostId());
    out.writeUTF(key.bootId());
    out.writeLong(key.epoch());
    out.writeUTF(key.probe());
  }

  private void writeTail(DataOutputStream out) throws IOException {
    out.writeInt(ignored.size());
    for (Map.Entry<String, Long> rule : ignored.entrySet()) {
      out.writeUTF(rule.getKey());
      out.writeLong(rule.getValue());
    }
    out.writeInt(counters == null ? -1 : counters.length);
    if (counters != null) {
      out.write(counters);
    }
    out.writeBoolean(gap != null);
    if (gap != null) {
      out.writeLong(gap.getPreviousEpoch());
      write(out, gap.getFrom());
      write(out, gap.getTo());
    }
  }

  static EpochCounts fromBytes(byte[] bytes) {
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
    try {
      byte format = in.readByte();
      if (format != FORMAT) {
        throw new IllegalStateException(
            "The ledger holds counts of format " + format + "; known is " + FORMAT);
      }
      EpochCounts counts =
          new EpochCounts(new EpochKey(in.readUTF(), in.readUTF(), in.readLong(), in.readUTF()));
      counts.received = in.readLong();
      counts.enriched = in.readLong();
      counts.deadLettered = in.readLong();
      counts.duplicates = in.readLong();
      counts.holes = in.readLong();
      counts.unreported = in.readBoolean();
      counts.touchedMs = in.readLong();
      int rules = in.readInt();
      for (int i = 0; i < rules; i++) {
        counts.ignored.put(in.readUTF(), in.readLong());
      }
      int length = in.readInt();
      counts.counters = length < 0 ? null : in.readNBytes(length);
      if (in.readBoolean()) {
        counts.gap = new Gap(in.readLong(), instant(in), instant(in));
      }
      return counts;
    } catch (IOException e) {
      throw new UncheckedIOException("The ledger holds counts that cannot be read", e);
    }
  }

  private static void write(DataOutputStream out, Instant instant) throws IOException {
    out.writeLong(instant.getEpochSecond());
    out.writeInt(instant.getNano());
  }

  private static Instant instant(DataInputStream in) throws IOException {
    return Instant.ofEpochSecond(in.readLong(), in.readInt());
  }
}
