package io.bianque.agent.libbpf;

import java.util.ArrayList;
import java.util.List;

/** A program of an object. One thread at a time; lives as long as the object. */
public final class BpfProgram {
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
    return BpfLink.of(object, subject(), link);
  }

  /**
   * Attaches a program of section {@code perf_event} to a clock of each CPU that is online. It runs
   * from now until the link is closed.
   *
   * @param hertz how often it runs each second on a CPU
   */
  public BpfLink attachToClocks(int hertz) {
    List<BpfLink> links = new ArrayList<>();
    try {
      for (int cpu = 0; cpu < Cpus.possible(); cpu++) {
        int event = PerfClock.open(cpu, hertz);
        if (event == -Errno.ENODEV) {
          continue; // Offline; when it comes back it has no clock.
        }
        String where = subject() + ", CPU " + cpu;
        if (event < 0) {
          throw new BpfException("perf_event_open", where, -event, "");
        }
        links.add(attachTo(event, where));
      }
      return BpfLink.of(subject(), List.copyOf(links));
    } catch (RuntimeException e) {
      links.forEach(BpfLink::close);
      throw e;
    }
  }

  private BpfLink attachTo(int event, String where) {
    try {
      long link =
          object.pointer(
              "bpf_program__attach_perf_event",
              where,
              () -> Libbpf.bpf_program__attach_perf_event(handle, event));
      return BpfLink.of(object, where, link);
    } catch (BpfException e) {
      Libc.close(event);
      throw e;
    }
  }

  /** The program in the kernel, the caller's, when the object is loaded. */
  public KernelProgram inKernel() {
    return new KernelProgram(
        subject(),
        object.duplicate(subject(), "bpf_program__fd", () -> Libbpf.bpf_program__fd(handle)));
  }

  private String subject() {
    return object.name() + "/" + name;
  }
}
