package io.bianque.agent.libbpf;

import java.nio.file.Path;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * A program's being attached. Closing it detaches, unless it is pinned: the program does not begin
 * to run again.
 */
public final class BpfLink implements AutoCloseable {
  private final String subject;
  private final IntSupplier fd;
  private Runnable release;

  private BpfLink(String subject, IntSupplier fd, Runnable release) {
    this.subject = subject;
    this.fd = fd;
    this.release = release;
  }

  /** One that libbpf made. */
  static BpfLink of(BpfObject object, String subject, long handle) {
    return new BpfLink(
        subject,
        () -> object.check("bpf_link__fd", subject, () -> Libbpf.bpf_link__fd(handle)),
        () -> object.check("bpf_link__destroy", subject, () -> Libbpf.bpf_link__destroy(handle)));
  }

  /** Several that are one: what a program has on each CPU. */
  static BpfLink of(String subject, List<BpfLink> each) {
    return new BpfLink(subject, null, () -> each.forEach(BpfLink::close));
  }

  /** Whether it could have a pin, if the kernel can: several that are one cannot. */
  public boolean isPinnable() {
    return fd != null;
  }

  /** One that was pinned. */
  public static BpfLink open(Path pin) {
    int fd = BpfFs.open(pin);
    return new BpfLink(pin.toString(), () -> fd, () -> Libc.close(fd));
  }

  /**
   * Keeps the program attached until the pin is deleted.
   *
   * @throws BpfException also where this kernel has no link for it that can be pinned: of a kprobe
   *     or a classic tracepoint before 5.15
   */
  public void pin(Path path) {
    BpfFs.pin(subject, fd.getAsInt(), path);
  }

  @Override
  public void close() {
    if (release != null) {
      Runnable once = release;
      release = null;
      once.run();
    }
  }
}
