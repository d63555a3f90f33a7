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
 * One CPU's perf ring: a control page (struct perf_event_mmap_page) and data pages. A record may
 * wrap; then it is put together in a buffer of our own.
 */
final class PerfRing {
  private static final long DATA_HEAD = 1024;
  private static final long DATA_TAIL = 1032;

  private static final int RECORD_LOST = 2;
  private static final int RECORD_SAMPLE = 9;
  private static final int HEADER_BYTES = 8;
  private static final int LOST_COUNT = 16;

  /** Longest record: its size is a u16. */
  private static final int MAX_RECORD = 1 << 16;

  private static final VarHandle POSITION = JAVA_LONG.varHandle();

  private final MemorySegment control;
  private final MemorySegment data;
  private final ByteBuffer records;
  private final MemorySegment whole;
  private final ByteBuffer wholeRecord;
  private long lost;

  /** The memory is the caller's, who frees it. */
  PerfRing(MemorySegment control, MemorySegment data, Arena arena) {
    this.control = control;
    this.data = data;
    this.records = data.asByteBuffer().asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    this.whole = arena.allocate(MAX_RECORD, Long.BYTES);
    this.wholeRecord = whole.asByteBuffer().asReadOnlyBuffer().order(ByteOrder.nativeOrder());
  }

  int drain(int maxRecords, RecordHandler handler) {
    long at = (long) POSITION.get(control, DATA_TAIL);
    long end = (long) POSITION.getAcquire(control, DATA_HEAD);
    int taken = 0;
    while (at < end && taken < maxRecords) {
      int offset = (int) (at & (data.byteSize() - 1));
      // struct perf_event_header { u32 type; u16 misc; u16 size }: eight aligned bytes, never
      // split.
      int type = data.get(JAVA_INT, offset);
      int size = Short.toUnsignedInt(data.get(JAVA_SHORT, offset + 6));
      at += size;
      try {
        if (type == RECORD_SAMPLE) {
          taken++;
          sample(offset, size, handler);
        } else if (type == RECORD_LOST) {
          lost(offset, size);
        }
      } finally {
        POSITION.setRelease(control, DATA_TAIL, at);
      }
    }
    return taken;
  }

  long lost() {
    return lost;
  }

  /** {header, u32 size, size bytes}, of which up to 7 at the end are padding. */
  private void sample(int offset, int size, RecordHandler handler) {
    if (offset + (long) size <= data.byteSize()) {
      handler.record(records, offset + HEADER_BYTES + 4, data.get(JAVA_INT, offset + HEADER_BYTES));
    } else {
      MemorySegment copy = unwrap(offset, size);
      handler.record(wholeRecord, HEADER_BYTES + 4, copy.get(JAVA_INT, HEADER_BYTES));
    }
  }

  /** {header, u64 id, u64 lost} */
  private void lost(int offset, int size) {
    MemorySegment record =
        offset + (long) size <= data.byteSize() ? data.asSlice(offset, size) : unwrap(offset, size);
    lost += record.get(JAVA_LONG, LOST_COUNT);
  }

  private MemorySegment unwrap(int offset, int size) {
    long first = data.byteSize() - offset;
    MemorySegment.copy(data, offset, whole, 0, first);
    MemorySegment.copy(data, 0, whole, first, size - first);
    return whole;
  }
}
