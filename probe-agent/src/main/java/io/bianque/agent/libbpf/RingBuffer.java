package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.OptionalInt;

/**
 * A BPF ring buffer, mapped: the consumer's position, the producer's position, and the data pages
 * (kernel/bpf/ringbuf.c). The kernel offers these twice in a row, so that no record wraps; here
 * they are mapped once, because each page that is mapped twice also counts twice as this process's
 * memory and few records wrap.
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

  private final Arena arena = Arena.ofShared();
  private final MemorySegment consumer;
  private final MemorySegment producer;
  private final RingPages data;

  /** Up to where records were handed over. */
  private long position;

  /** Up to where their room was given back. */
  private long released;

  /** Whether this kernel has ring buffers. */
  public static boolean isSupported() {
    return Libbpf.libbpf_probe_bpf_map_type(MAP_TYPE) == 1;
  }

  /** Maps a ring buffer; its records since the last one that was released are there again. */
  public static RingBuffer open(KernelMap map) {
    return new RingBuffer(map);
  }

  private RingBuffer(KernelMap map) {
    int size = map.maxEntries();
    int page = Libc.getpagesize();
    int fd = map.fd();
    try {
      consumer = Libc.mmap(map.subject(), fd, 0, page, Libc.PROT_READ | Libc.PROT_WRITE, arena);
      MemorySegment rest =
          Libc.mmap(map.subject(), fd, page, page + (long) size, Libc.PROT_READ, arena);
      producer = rest.asSlice(0, page);
      data = new RingPages(rest.asSlice(page), arena);
    } catch (BpfException e) {
      arena.close();
      throw e;
    }
    position = (long) POSITION.get(consumer, 0L);
    released = position;
  }

  @Override
  public int drain(int maxRecords, RecordHandler handler) {
    // Acquire: what the kernel wrote before it moved its position is seen with it.
    long end = (long) POSITION.getAcquire(producer, 0L);
    int taken = 0;
    while (position < end && taken < maxRecords) {
      int header = data.intAcquired(position);
      if ((header & BUSY) != 0) {
        break; // Still being written, on another CPU or by a program that this one interrupted.
      }
      int length = header & LENGTH;
      long record = position + HEADER_BYTES;
      position = (record + length + 7) & ~7;
      if ((header & DISCARDED) == 0) {
        taken++;
        data.handOver(record, length, handler);
      }
    }
    return taken;
  }

  @Override
  public long position() {
    return position;
  }

  @Override
  public void release(long to) {
    if (to > released) {
      released = to;
      // Release: the kernel may write over a record only when it has been read.
      POSITION.setRelease(consumer, 0L, to);
    }
  }

  @Override
  public boolean isPressed() {
    return position - released > data.size() / 2;
  }

  /**
   * Records that wait to be handed over; empty when one of them is still being written, so that
   * nobody can tell.
   */
  public OptionalInt waiting() {
    long end = (long) POSITION.getAcquire(producer, 0L);
    int count = 0;
    for (long at = position; at < end; ) {
      int header = data.intAcquired(at);
      if ((header & BUSY) != 0) {
        return OptionalInt.empty();
      }
      count += (header & DISCARDED) == 0 ? 1 : 0;
      at += ((header & LENGTH) + HEADER_BYTES + 7) & ~7;
    }
    return OptionalInt.of(count);
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
