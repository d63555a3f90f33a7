package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A map of an object. One thread at a time; lives as long as the object. */
public final class BpfMap {
  private final BpfObject object;
  private final String name;
  private final long handle;

  BpfMap(BpfObject object, String name, long handle) {
    this.object = object;
    this.name = name;
    this.handle = handle;
  }

  /** Whether loading the object creates this map; to be said before. */
  public void autocreate(boolean create) {
    object.check(
        "bpf_map__set_autocreate", subject(), () -> Libbpf.bpf_map__set_autocreate(handle, create));
  }

  /** Sets its size, of a ring buffer in bytes; to be said before the object is loaded. */
  public void maxEntries(int entries) {
    object.check(
        "bpf_map__set_max_entries",
        subject(),
        () -> Libbpf.bpf_map__set_max_entries(handle, entries));
  }

  /** Of a ring buffer the size of its data in bytes. */
  public int maxEntries() {
    return Libbpf.bpf_map__max_entries(handle);
  }

  /**
   * The memory from which a map of global variables gets its value when the object is loaded, in
   * native order. What is written afterwards goes nowhere. Valid as long as the object is open.
   */
  public ByteBuffer initialValue() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(JAVA_LONG);
      long address =
          object.pointer(
              "bpf_map__initial_value",
              subject(),
              () -> Libbpf.bpf_map__initial_value(handle, size.address()));
      return MemorySegment.ofAddress(address)
          .reinterpret(size.get(JAVA_LONG, 0))
          .asByteBuffer()
          .order(ByteOrder.nativeOrder());
    }
  }

  /**
   * Element {@code key} of a per-CPU array whose value is nothing but longs: CPU 0's value, then
   * CPU 1's, of all CPUs that this machine may ever have.
   */
  public long[] lookupPerCpu(int key) {
    int valueBytes = (Libbpf.bpf_map__value_size(handle) + 7) & ~7;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment keyBytes = arena.allocateFrom(JAVA_INT, key);
      MemorySegment values = arena.allocate((long) valueBytes * Cpus.possible(), Long.BYTES);
      object.check(
          "bpf_map_lookup_elem",
          subject(),
          () -> Libbpf.bpf_map_lookup_elem(fd(), keyBytes.address(), values.address()));
      return values.toArray(JAVA_LONG);
    }
  }

  /** A reader of all its entries; to be asked for when the object is loaded. */
  public MapReader reader() {
    return new MapReader(
        this,
        Libbpf.bpf_map__type(handle),
        Libbpf.bpf_map__key_size(handle),
        Libbpf.bpf_map__value_size(handle));
  }

  /** Sets an int element of an array by its index. */
  void update(int key, int value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment keyBytes = arena.allocateFrom(JAVA_INT, key);
      MemorySegment valueBytes = arena.allocateFrom(JAVA_INT, value);
      object.check(
          "bpf_map_update_elem",
          subject(),
          () -> Libbpf.bpf_map_update_elem(fd(), keyBytes.address(), valueBytes.address(), 0));
    }
  }

  int fd() {
    return object.check("bpf_map__fd", subject(), () -> Libbpf.bpf_map__fd(handle));
  }

  String subject() {
    return object.name() + "/" + name;
  }
}
