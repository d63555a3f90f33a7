package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

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
  private final ConsumerPage consumer;
  private final MemorySegment producer;
  private final RingPages data;

  /** Up to where records were handed over. */
  private long position;

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
      consumer =
          new ConsumerPage(
              map.subject(),
              Libc.mmap(map.subject(), fd, 0, page, Libc.PROT_READ | Libc.PROT_WRITE, arena));
      MemorySegment rest =
          Libc.mmap(map.subject(), fd, page, page + (long) size, Libc.PROT_READ, arena);
      producer = rest.asSlice(0, page);
      data = new RingPages(rest.asSlice(page), arena);
    } catch (BpfException e) {
      arena.close();
      throw e;
    }
    position = consumer.position();
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
      long record = position + HEADER_BYTES;
      position = next(position, header);
      if ((header & DISCARDED) == 0) {
        taken++;
        data.handOver(record, header & LENGTH, handler);
      }
    }
    return taken;
  }

  /** Where the record behind the one with that header begins. */
  private static long next(long position, int header) {
    return (position + HEADER_BYTES + (header & LENGTH) + 7) & ~7;
  }

  @Override
  public long position() {
    return position;
  }

  @Override
  public void release(long to) {
    long at = consumer.position();
    if (to > at) {
      long count = consumer.count();
      while (at < to) {
        int header = data.intAt(at);
        count += (header & DISCARDED) == 0 ? 1 : 0;
        at = next(at, header);
      }
      consumer.move(to, count);
    }
  }

  /** Records released in all the life of the ring, by whoever read it. */
  public long released() {
    return consumer.count();
  }

  @Override
  public boolean isPressed() {
    return position - consumer.position() > data.size() / 2;
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
