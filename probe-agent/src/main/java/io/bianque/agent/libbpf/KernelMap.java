package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * A map that is in the kernel, held by a file descriptor of its own: it outlives the object that
 * made it, and the process if it is pinned. One thread at a time.
 */
public final class KernelMap implements AutoCloseable {
  // struct bpf_map_info, include/uapi/linux/bpf.h
  private static final int INFO_BYTES = 88;
  private static final int INFO_TYPE = 0;
  private static final int INFO_KEY_SIZE = 8;
  private static final int INFO_VALUE_SIZE = 12;
  private static final int INFO_MAX_ENTRIES = 16;

  private final String subject;
  private final int type;
  private final int keyBytes;
  private final int valueBytes;
  private final int maxEntries;
  private int fd;

  /**
   * @param fd owned from now on
   */
  KernelMap(String subject, int fd) {
    this.subject = subject;
    this.fd = fd;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = BpfFs.info(subject, fd, INFO_BYTES, arena).bytes();
      type = info.get(JAVA_INT, INFO_TYPE);
      keyBytes = info.get(JAVA_INT, INFO_KEY_SIZE);
      valueBytes = info.get(JAVA_INT, INFO_VALUE_SIZE);
      maxEntries = info.get(JAVA_INT, INFO_MAX_ENTRIES);
    } catch (BpfException e) {
      close();
      throw e;
    }
  }

  /** A map that was pinned. */
  public static KernelMap open(Path pin) {
    return new KernelMap(pin.toString(), BpfFs.open(pin));
  }

  /** Keeps it in the kernel until the pin is deleted. */
  public void pin(Path path) {
    BpfFs.pin(subject, fd, path);
  }

  /** Of a ring buffer the size of its data in bytes. */
  public int maxEntries() {
    return maxEntries;
  }

  /**
   * Element {@code key} of a per-CPU array whose value is nothing but longs: CPU 0's value, then
   * CPU 1's, of all CPUs that this machine may ever have.
   */
  public long[] lookupPerCpu(int key) {
    return lookup(key, ((valueBytes + 7) & ~7) * Cpus.possible());
  }

  /** Element {@code key} of an array of longs. */
  public long lookup(int key) {
    return lookup(key, valueBytes)[0];
  }

  private long[] lookup(int key, int bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment keyBytesOf = arena.allocateFrom(JAVA_INT, key);
      MemorySegment values = arena.allocate(bytes, Long.BYTES);
      check(
          "bpf_map_lookup_elem",
          Libbpf.bpf_map_lookup_elem(fd, keyBytesOf.address(), values.address()));
      return values.toArray(JAVA_LONG);
    }
  }

  /** Sets element {@code key} of an array of longs. */
  public void update(int key, long value) {
    try (Arena arena = Arena.ofConfined()) {
      update(key, arena.allocateFrom(JAVA_LONG, value), arena);
    }
  }

  /** Sets element {@code key} of an array of ints. */
  void updateInt(int key, int value) {
    try (Arena arena = Arena.ofConfined()) {
      update(key, arena.allocateFrom(JAVA_INT, value), arena);
    }
  }

  private void update(int key, MemorySegment value, Arena arena) {
    MemorySegment keyBytesOf = arena.allocateFrom(JAVA_INT, key);
    check(
        "bpf_map_update_elem",
        Libbpf.bpf_map_update_elem(fd, keyBytesOf.address(), value.address(), 0));
  }

  /** A reader of all its entries. */
  public MapReader reader() {
    return new MapReader(this, type, keyBytes, valueBytes);
  }

  int fd() {
    return fd;
  }

  String subject() {
    return subject;
  }

  private void check(String function, int result) {
    if (result < 0) {
      throw new BpfException(function, subject, -result, "");
    }
  }

  @Override
  public void close() {
    if (fd >= 0) {
      Libc.close(fd);
      fd = -1;
    }
  }
}
