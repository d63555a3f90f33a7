package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;

/** A program of an object. One thread at a time; lives as long as the object. */
public final class BpfProgram {
  // struct bpf_prog_info, include/uapi/linux/bpf.h
  private static final int INFO_BYTES = 224;
  private static final int INFO_RUN_TIME_NS = 192;
  private static final int INFO_RUN_COUNT = 200;
  private static final int INFO_RECURSION_MISSES = 208;

  private final BpfObject object;
  private final long handle;
  private final String name;
  private final String section;
  private final boolean optional;

  BpfProgram(BpfObject object, long handle) {
    this.object = object;
    this.handle = handle;
    this.name = NativeCall.string(Libbpf.bpf_program__name(handle));
    this.section = NativeCall.string(Libbpf.bpf_program__section_name(handle));
    this.optional = !Libbpf.bpf_program__autoload(handle);
  }

  /** The C function. */
  public String name() {
    return name;
  }

  /** What it attaches to: {@code tp_btf/kfree_skb}. */
  public String section() {
    return section;
  }

  /**
   * Whether its section begins with {@code ?} in the source, by which libbpf does not load it
   * unless told to. {@link #section} is without it.
   */
  public boolean optional() {
    return optional;
  }

  /** Whether loading the object loads this program; to be said before. */
  public void autoload(boolean load) {
    object.check(
        "bpf_program__set_autoload",
        subject(),
        () -> Libbpf.bpf_program__set_autoload(handle, load));
  }

  /** Attaches it where its section says. It runs from now until the link is closed. */
  public BpfLink attach() {
    long link =
        object.pointer("bpf_program__attach", subject(), () -> Libbpf.bpf_program__attach(handle));
    return new BpfLink(object, subject(), link);
  }

  /** What the kernel counts of a loaded program's runs. */
  public RunStatistics statistics() {
    int fd = object.check("bpf_program__fd", subject(), () -> Libbpf.bpf_program__fd(handle));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(INFO_BYTES, Long.BYTES);
      MemorySegment length = arena.allocate(JAVA_INT);
      length.set(JAVA_INT, 0, INFO_BYTES);
      object.check(
          "bpf_obj_get_info_by_fd",
          subject(),
          () -> Libbpf.bpf_obj_get_info_by_fd(fd, info.address(), length.address()));
      boolean countsMisses = length.get(JAVA_INT, 0) >= INFO_RECURSION_MISSES + Long.BYTES;
      return new RunStatistics(
          info.get(JAVA_LONG, INFO_RUN_COUNT),
          info.get(JAVA_LONG, INFO_RUN_TIME_NS),
          countsMisses
              ? OptionalLong.of(info.get(JAVA_LONG, INFO_RECURSION_MISSES))
              : OptionalLong.empty());
    }
  }

  private String subject() {
    return object.name() + "/" + name;
  }

  /**
   * Cumulative since load.
   *
   * @param runCount runs; the kernel counts them while kernel.bpf_stats_enabled is 1
   * @param runTimeNs time in those runs
   * @param recursionMisses runs that the kernel left out because the program was running already on
   *     that CPU; empty before 5.12
   */
  public record RunStatistics(long runCount, long runTimeNs, OptionalLong recursionMisses) {}
}
