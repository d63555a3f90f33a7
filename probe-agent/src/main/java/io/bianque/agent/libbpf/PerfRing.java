package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.bianque.agent.libbpf.EventChannel.RecordHandler;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/** One CPU's perf ring: a control page (struct perf_event_mmap_page) and data pages. */
final class PerfRing {
  private static final long DATA_HEAD = 1024;
  private static final long DATA_TAIL = 1032;

  private static final int RECORD_LOST = 2;
  private static final int RECORD_SAMPLE = 9;
  private static final int HEADER_BYTES = 8;
  private static final int LOST_COUNT = 16;

  private static final VarHandle POSITION = JAVA_LONG.varHandle();

  private final MemorySegment control;
  private final RingPages data;
  private long lost;

  /** The memory is the caller's, who frees it with the arena. */
  PerfRing(MemorySegment control, MemorySegment data, Arena arena) {
    this.control = control;
    this.data = new RingPages(data, arena);
  }

  int drain(int maxRecords, RecordHandler handler) {
    long at = (long) POSITION.get(control, DATA_TAIL);
    long end = (long) POSITION.getAcquire(control, DATA_HEAD);
    int taken = 0;
    while (at < end && taken < maxRecords) {
      // struct perf_event_header { u32 type; u16 misc; u16 size }
      int type = data.intAt(at);
      long next = at + data.shortAt(at + 6);
      try {
        if (type == RECORD_SAMPLE) {
          taken++;
          // {header, u32 size, size bytes}, of which up to 7 at the end are padding
          data.handOver(at + HEADER_BYTES + 4, data.intAt(at + HEADER_BYTES), handler);
        } else if (type == RECORD_LOST) {
          // {header, u64 id, u64 lost}
          lost += data.longAt(at + LOST_COUNT);
        }
      } finally {
        at = next;
        POSITION.setRelease(control, DATA_TAIL, at);
      }
    }
    return taken;
  }

  long lost() {
    return lost;
  }
}
