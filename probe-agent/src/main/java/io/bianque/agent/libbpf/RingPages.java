package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.bianque.agent.libbpf.EventChannel.RecordHandler;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The data pages of a ring, a power of two of bytes. Positions only grow; a record that goes past
 * the end goes on at the beginning, and is put together in a buffer of our own before it is handed
 * over. For one thread.
 */
final class RingPages {
  /** Of a buffer to put records together in: most events fit, stack and all. */
  private static final int LEAST = 4096;

  private static final VarHandle INT = JAVA_INT.varHandle();

  private final MemorySegment pages;
  private final Arena arena;
  private final ByteBuffer records;
  private final long mask;
  private MemorySegment whole = MemorySegment.NULL;
  private ByteBuffer wholeRecord;

  /** The memory is the caller's, who frees it with the arena. */
  RingPages(MemorySegment pages, Arena arena) {
    this.pages = pages;
    this.arena = arena;
    this.records = readOnly(pages);
    this.mask = pages.byteSize() - 1;
  }

  private static ByteBuffer readOnly(MemorySegment segment) {
    return segment.asByteBuffer().asReadOnlyBuffer().order(ByteOrder.nativeOrder());
  }

  long size() {
    return mask + 1;
  }

  /** The aligned u32 there. */
  int intAt(long position) {
    return pages.get(JAVA_INT, position & mask);
  }

  /** The same; what was written before it is seen with it. */
  int intAcquired(long position) {
    return (int) INT.getAcquire(pages, position & mask);
  }

  /** The aligned u16 there. */
  int shortAt(long position) {
    return Short.toUnsignedInt(pages.get(JAVA_SHORT, position & mask));
  }

  /** The aligned u64 there. */
  long longAt(long position) {
    return pages.get(JAVA_LONG, position & mask);
  }

  /** Hands over the {@code length} bytes from there on. */
  void handOver(long position, int length, RecordHandler handler) {
    int offset = (int) (position & mask);
    if (offset + (long) length <= pages.byteSize()) {
      handler.record(records, offset, length);
    } else {
      putTogether(offset, length);
      handler.record(wholeRecord, 0, length);
    }
  }

  private void putTogether(int offset, int length) {
    if (whole.byteSize() < length) {
      whole = arena.allocate(Math.max(LEAST, 2L * Integer.highestOneBit(length)), Long.BYTES);
      wholeRecord = readOnly(whole);
    }
    long first = pages.byteSize() - offset;
    MemorySegment.copy(pages, offset, whole, 0, first);
    MemorySegment.copy(pages, 0, whole, first, length - first);
  }
}
