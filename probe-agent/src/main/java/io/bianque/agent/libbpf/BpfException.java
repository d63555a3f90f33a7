package io.bianque.agent.libbpf;

/**
 * A call into libbpf or the kernel that failed: which function, on what, with which errno, and what
 * libbpf said about it.
 */
public final class BpfException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String function;
  private final String subject;
  private final int errno;
  private final String log;

  BpfException(String function, String subject, int errno, String log) {
    super(message(function, subject, errno, log));
    this.function = function;
    this.subject = subject;
    this.errno = errno;
    this.log = log;
  }

  /** What is read of the kernel's memory, without a call, and makes no sense. */
  BpfException(String what, String subject, String reason) {
    super(what + "(" + subject + "): " + reason);
    this.function = what;
    this.subject = subject;
    this.errno = 0;
    this.log = "";
  }

  /** The C function. */
  public String function() {
    return function;
  }

  /** The object, program or map it was called for. */
  public String subject() {
    return subject;
  }

  /** Positive; 0 when the function tells none. */
  public int errno() {
    return errno;
  }

  /** {@code EPERM}, {@code ENOENT}. */
  public String errnoName() {
    return Errno.name(errno);
  }

  /** The end of what libbpf and the verifier printed during the call; empty when nothing. */
  public String log() {
    return log;
  }

  /**
   * Whether it was that program of the object that failed. libbpf tells in its log only, where it
   * names the one that failed last.
   */
  public boolean isAbout(String program) {
    int last = log.lastIndexOf("prog '");
    return last >= 0 && log.startsWith("prog '" + program + "'", last);
  }

  private static String message(String function, String subject, int errno, String log) {
    String what = function + "(" + subject + "): " + Errno.name(errno);
    return log.isEmpty() ? what : what + "; libbpf: " + log;
  }
}
