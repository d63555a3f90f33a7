package io.bianque.agent.libbpf;

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
