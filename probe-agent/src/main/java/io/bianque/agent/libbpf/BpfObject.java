package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * One eBPF object file on its way into the kernel: opened, its programs chosen and its maps sized,
 * then loaded, then its programs attached.
 *
 * <p>One thread at a time. Closing it frees what it took to load it; what is in the kernel stays as
 * long as a link, {@link KernelMap} or {@link KernelProgram} holds it. Everything throws {@link
 * BpfException}.
 */
public final class BpfObject implements AutoCloseable {
  private static final int OPEN_OPTIONS_BYTES = 16;

  private final String name;
  private final LibbpfLog log = new LibbpfLog();
  private final long handle;
  private final List<BpfProgram> programs;
  private boolean closed;

  /**
   * Reads an object; nothing goes to the kernel yet.
   *
   * @param name for messages, and as prefix of the maps of its global variables
   */
  public static BpfObject open(String name, byte[] elf) {
    return new BpfObject(name, elf);
  }

  private BpfObject(String name, byte[] elf) {
    this.name = name;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes =
          arena.allocate(elf.length, Long.BYTES).copyFrom(MemorySegment.ofArray(elf));
      // struct bpf_object_open_opts { size_t sz; const char *object_name; ... }
      MemorySegment options = arena.allocate(OPEN_OPTIONS_BYTES, Long.BYTES);
      options.set(JAVA_LONG, 0, OPEN_OPTIONS_BYTES);
      options.set(ADDRESS, Long.BYTES, arena.allocateFrom(name));
      handle =
          pointer(
              "bpf_object__open_mem",
              name,
              () -> Libbpf.bpf_object__open_mem(bytes.address(), elf.length, options.address()));
    }
    List<BpfProgram> found = new ArrayList<>();
    long program = Libbpf.bpf_object__next_program(handle, 0);
    while (program != 0) {
      found.add(new BpfProgram(this, program));
      program = Libbpf.bpf_object__next_program(handle, program);
    }
    programs = List.copyOf(found);
  }

  public String name() {
    return name;
  }

  /** In the order of the source, as far as no two share a section. */
  public List<BpfProgram> programs() {
    return programs;
  }

  /** The map of that name; {@code .rodata} is the map of the object's constants. */
  public Optional<BpfMap> map(String mapName) {
    try (Arena arena = Arena.ofConfined()) {
      long map = Libbpf.bpf_object__find_map_by_name(handle, arena.allocateFrom(mapName).address());
      return map == 0 ? Optional.empty() : Optional.of(new BpfMap(this, mapName, map));
    }
  }

  /** Creates the maps and loads the programs that are to be loaded: all or none. */
  public void load() {
    check("bpf_object__load", name, () -> Libbpf.bpf_object__load(handle));
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Libbpf.bpf_object__close(handle);
    }
  }

  int check(String function, String subject, LongSupplier call) {
    int result = log.during(() -> (int) call.getAsLong());
    if (result < 0) {
      throw new BpfException(function, subject, -result, log.text());
    }
    return result;
  }

  /** A file descriptor that outlives the object; the caller's. */
  int duplicate(String subject, String function, LongSupplier fd) {
    int duplicate = Libc.duplicate(check(function, subject, fd));
    if (duplicate < 0) {
      throw new BpfException("fcntl(F_DUPFD_CLOEXEC)", subject, -duplicate, "");
    }
    return duplicate;
  }

  long pointer(String function, String subject, LongSupplier call) {
    long result = log.during(call::getAsLong);
    if (result == 0) {
      throw new BpfException(function, subject, NativeCall.errno(), log.text());
    }
    return result;
  }
}
