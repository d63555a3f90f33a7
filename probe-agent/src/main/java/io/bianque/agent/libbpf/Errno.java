package io.bianque.agent.libbpf;

/** Names of error numbers: those up to EXFULL are the same on all of Linux's 64-bit machines. */
final class Errno {
  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int EINTR = 4;
  static final int EAGAIN = 11;
  static final int ENODEV = 19;
  static final int ENOTDIR = 20;
  static final int EINVAL = 22;
  static final int ENOBUFS = 105;

  private static final String[] NAMES = {
    "no errno",
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EINTR",
    "EIO",
    "ENXIO",
    "E2BIG",
    "ENOEXEC",
    "EBADF",
    "ECHILD",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EFAULT",
    "ENOTBLK",
    "EBUSY",
    "EEXIST",
    "EXDEV",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "ENOTTY",
    "ETXTBSY",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
    "EMLINK",
    "EPIPE",
    "EDOM",
    "ERANGE",
    "EDEADLK",
    "ENAMETOOLONG",
    "ENOLCK",
    "ENOSYS",
    "ENOTEMPTY",
    "ELOOP"
  };

  private Errno() {}

  static String name(int errno) {
    if (errno >= 0 && errno < NAMES.length) {
      return NAMES[errno];
    }
    return switch (errno) {
      case 95 -> "EOPNOTSUPP";
      case ENOBUFS -> "ENOBUFS";
      case 110 -> "ETIMEDOUT";
      case 524 -> "ENOTSUPP";
      default -> libbpfName(errno);
    };
  }

  /** libbpf's own errors, from enum libbpf_errno. */
  private static String libbpfName(int errno) {
    return switch (errno) {
      case 4000 -> "LIBELF";
      case 4001 -> "FORMAT (not an eBPF object)";
      case 4002 -> "KVERSION";
      case 4003 -> "ENDIAN";
      case 4005 -> "RELOC";
      case 4006 -> "LOAD";
      case 4007 -> "VERIFY";
      case 4008 -> "PROG2BIG";
      case 4009 -> "KVER";
      case 4010 -> "PROGTYPE";
      default -> "errno " + errno;
    };
  }
}
