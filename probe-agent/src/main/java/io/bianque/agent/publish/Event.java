package io.bianque.agent.publish;

import io.bianque.agent.probe.Receipt;
import io.bianque.schemas.wire.WireFormat;
import java.util.concurrent.TimeUnit;

/** An encoded event on its way. Its bytes are its own, and belong to whoever holds it. */
final class Event {
  /**
   * What an event costs in memory besides its bytes, about: this object, the array's header, its
   * place in queues.
   */
  private static final int OVERHEAD = 120;

  final Stream stream;
  final long wallNanos;

  /** In the wire format; the id in the header is put in when it is sent. */
  final byte[] value;

  private final Receipt receipt;

  Event(Stream stream, long wallNanos, byte[] value, Receipt receipt) {
    this.stream = stream;
    this.wallNanos = wallNanos;
    this.value = value;
    this.receipt = receipt;
  }

  /** An event of a copy of {@code body[offset, offset + length)}. */
  static Event of(
      Stream stream, long wallNanos, byte[] body, int offset, int length, Receipt receipt) {
    byte[] value = new byte[WireFormat.HEADER + length];
    System.arraycopy(body, offset, value, WireFormat.HEADER, length);
    return new Event(stream, wallNanos, value, receipt);
  }

  /** The broker has it. */
  void acked() {
    stream.counts().acked();
    receipt.settled();
  }

  /** It is on disk. */
  void spooled() {
    stream.counts().spooled(1);
    receipt.settled();
  }

  /** It is given up. */
  void dropped(DropReason reason) {
    stream.counts().dropped(reason, 1);
    receipt.settled();
  }

  int bodyLength() {
    return value.length - WireFormat.HEADER;
  }

  int memoryBytes() {
    return value.length + OVERHEAD;
  }

  long timestampMillis() {
    return TimeUnit.NANOSECONDS.toMillis(wallNanos);
  }
}
