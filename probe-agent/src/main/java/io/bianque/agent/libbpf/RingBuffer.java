package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A BPF ring buffer, mapped: kernel/bpf/ringbuf.c, "the consumer's position, the producer's
 * position, and the data pages twice in a row", so that no record ever wraps.
 *
 * <p>Kernels since 5.8 have it.
 */
public final class RingBuffer implements EventChannel {
  private static final int MAP_TYPE = 27;

  private static final int HEADER_BYTES = 8;
  private static final int BUSY = 1 << 31;
  private static final int DISCARDED = 1 << 30;
  private static final int LENGTH = DISCARDED - 1;

  private static final VarHandle POSITION = JAVA_LONG.varHandle();
  private static final VarHandle HEADER = JAVA_INT.varHandle();

  private final Arena arena = Arena.ofShared();
  private final MemorySegment consumer;
  private final MemorySegment producer;
  private final MemorySegment data;
  private final ByteBuffer records;
  private final int mask;

  /** Whether this kernel has ring buffers. */
  public static boolean isSupported() {
    return Libbpf.libbpf_probe_bpf_map_type(MAP_TYPE) == 1;
  }

  /** Maps the ring buffer of a loaded object. */
  public static RingBuffer open(BpfMap map) {
    return new RingBuffer(map);
  }

  private RingBuffer(BpfMap map) {
    int size = map.maxEntries();
    int page = Libc.getpagesize();
    int fd = map.fd();
    try {
      consumer = Libc.mmap(map.subject(), fd, 0, page, Libc.PROT_READ | Libc.PROT_WRITE, arena);
      MemorySegment rest =
          Libc.mmap(map.subject(), fd, page, page + 2L * size, Libc.PROT_READ, arena);
      producer = rest.asSlice(0, page);
      data = rest.asSlice(page);
    } catch (BpfException e) {
      arena.close();
      throw e;
    }
    records = data.asByteBuffer().asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    mask = size - 1;
  }

  @Override
  public int drain(int maxRecords, RecordHandler handler) {
    long at = (long) POSITION.get(consumer, 0L);
    // Acquire: what the kernel wrote before it moved its position is seen with it.
    long end = (long) POSITION.getAcquire(producer, 0L);
    int taken = 0;
    while (at < end && taken < maxRecords) {
      int offset = (int) (at & mask);
      int header = (int) HEADER.getAcquire(data, (long) offset);
      if ((header & BUSY) != 0) {
        break; // Still being written, on another CPU or by a program that this one interrupted.
      }
      int length = header & LENGTH;
      at += (length + HEADER_BYTES + 7) & ~7;
      try {
        if ((header & DISCARDED) == 0) {
          taken++;
          handler.record(records, offset + HEADER_BYTES, length);
        }
      } finally {
        // Release: the kernel may write over the record only when it has been read.
        POSITION.setRelease(consumer, 0L, at);
      }
    }
    return taken;
  }

  /** None: a program that finds no room is told so, and counts it. */
  @Override
  public long lost() {
    return 0;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
