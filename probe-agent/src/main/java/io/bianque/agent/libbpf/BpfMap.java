package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A map of an object that is not loaded yet. One thread at a time; lives as long as the object. */
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

  /** The map in the kernel, the caller's, when the object is loaded. */
  public KernelMap inKernel() {
    return new KernelMap(
        subject(), object.duplicate(subject(), "bpf_map__fd", () -> Libbpf.bpf_map__fd(handle)));
  }

  String subject() {
    return object.name() + "/" + name;
  }
}
