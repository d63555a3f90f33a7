package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Reads a whole map, many entries with one system call where the kernel can: hash maps since 5.6,
 * per-CPU arrays since 5.13; else one by one. Keeps its buffers. One thread at a time; lives as
 * long as the map.
 */
public final class MapReader {
  // enum bpf_cmd and enum bpf_map_type, include/uapi/linux/bpf.h
  private static final int BPF_MAP_LOOKUP_BATCH = 24;
  private static final int PERCPU_HASH = 5;
  private static final int PERCPU_ARRAY = 6;
  private static final int LRU_PERCPU_HASH = 10;

  /** The batch part of union bpf_attr: in, out, keys, values; count, fd; two words of flags. */
  private static final int ATTRIBUTE_BYTES = 56;

  private static final int BATCH = 256;

  private final KernelMap map;
  private final int keyBytes;
  private final int valueBytes;
  private final int cpus;
  private boolean batches = true;

  MapReader(KernelMap map, int type, int keyBytes, int valueBytes) {
    this.map = map;
    this.keyBytes = keyBytes;
    boolean perCpu = type == PERCPU_HASH || type == PERCPU_ARRAY || type == LRU_PERCPU_HASH;
    this.cpus = perCpu ? Cpus.possible() : 1;
    this.valueBytes = perCpu ? (valueBytes + 7) & ~7 : valueBytes;
  }

  /** Takes entries. */
  @FunctionalInterface
  public interface EntryHandler {
    /**
     * An entry. The buffer is in native order and the reader's own: it is valid until this returns.
     *
     * @param keyAt where in {@code keys} the key begins
     * @param valueAt where in {@code values} the value begins: of a per-CPU map the first CPU's,
     *     with the others' {@link #valueBytes} apart
     */
    void entry(ByteBuffer keys, int keyAt, ByteBuffer values, int valueAt);
  }

  public int keyBytes() {
    return keyBytes;
  }

  /** Of one CPU, where the map is per CPU. */
  public int valueBytes() {
    return valueBytes;
  }

  /** Values of one entry: 1 where the map is not per CPU. */
  public int cpus() {
    return cpus;
  }

  /**
   * Hands each entry to the handler. What changes meanwhile may be seen or not; an entry that is
   * there all the time is seen once at least.
   *
   * @throws BpfException when the kernel refuses
   */
  public void forEach(EntryHandler handler) {
    if (batches && inBatches(handler)) {
      return;
    }
    batches = false;
    oneByOne(handler);
  }

  /** Returns false, before any entry, when this kernel or map cannot. */
  private boolean inBatches(EntryHandler handler) {
    // A hash map gives a bucket as a whole or not at all: with less room than that, ENOSPC.
    int room = Math.max(BATCH, 64);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment position = arena.allocate(Math.max(keyBytes, Long.BYTES), Long.BYTES);
      MemorySegment keys = arena.allocate((long) keyBytes * room, Long.BYTES);
      MemorySegment values = arena.allocate((long) valueBytes * cpus * room, Long.BYTES);
      MemorySegment attributes = arena.allocate(ATTRIBUTE_BYTES, Long.BYTES);
      boolean first = true;
      while (true) {
        attributes.fill((byte) 0);
        attributes.set(JAVA_LONG, 0, first ? 0 : position.address());
        attributes.set(JAVA_LONG, 8, position.address());
        attributes.set(JAVA_LONG, 16, keys.address());
        attributes.set(JAVA_LONG, 24, values.address());
        attributes.set(JAVA_INT, 32, room);
        attributes.set(JAVA_INT, 36, map.fd());
        int error = -Libc.bpf(BPF_MAP_LOOKUP_BATCH, attributes.address(), ATTRIBUTE_BYTES);
        boolean last = error == Errno.ENOENT;
        if (error > 0 && !last) {
          if (first) {
            return false;
          }
          throw new BpfException("bpf(BPF_MAP_LOOKUP_BATCH)", map.subject(), error, "");
        }
        hand(handler, keys, values, attributes.get(JAVA_INT, 32));
        if (last) {
          return true;
        }
        first = false;
      }
    }
  }

  private void hand(EntryHandler handler, MemorySegment keys, MemorySegment values, int count) {
    ByteBuffer keyBuffer = keys.asByteBuffer().order(ByteOrder.nativeOrder());
    ByteBuffer valueBuffer = values.asByteBuffer().order(ByteOrder.nativeOrder());
    for (int i = 0; i < count; i++) {
      handler.entry(keyBuffer, i * keyBytes, valueBuffer, i * valueBytes * cpus);
    }
  }

  private void oneByOne(EntryHandler handler) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment previous = arena.allocate(keyBytes, Long.BYTES);
      MemorySegment key = arena.allocate(keyBytes, Long.BYTES);
      MemorySegment values = arena.allocate((long) valueBytes * cpus, Long.BYTES);
      long from = 0;
      // A key that is deleted meanwhile makes the walk begin again: it is bounded by the map's
      // size.
      for (int left = map.maxEntries(); left > 0; left--) {
        if (Libbpf.bpf_map_get_next_key(map.fd(), from, key.address()) < 0) {
          return;
        }
        if (Libbpf.bpf_map_lookup_elem(map.fd(), key.address(), values.address()) == 0) {
          hand(handler, key, values, 1);
        }
        previous.copyFrom(key);
        from = previous.address();
      }
    }
  }
}
