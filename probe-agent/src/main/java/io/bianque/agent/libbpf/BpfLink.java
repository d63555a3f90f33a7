package io.bianque.agent.libbpf;

/** A program's being attached. Closing it detaches: the program does not begin to run again. */
public final class BpfLink implements AutoCloseable {
  private final BpfObject object;
  private final String subject;
  private long handle;

  BpfLink(BpfObject object, String subject, long handle) {
    this.object = object;
    this.subject = subject;
    this.handle = handle;
  }

  @Override
  public void close() {
    if (handle != 0) {
      long link = handle;
      handle = 0;
      object.check("bpf_link__destroy", subject, () -> Libbpf.bpf_link__destroy(link));
    }
  }
}
