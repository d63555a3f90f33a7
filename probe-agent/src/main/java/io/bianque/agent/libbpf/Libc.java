package io.bianque.agent.libbpf;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Functions of the C library under their own names. A negative int is {@code -errno}.
 *
 * <p>Any thread.
 */
@SuppressWarnings("MemberName")
final class Libc {
  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  private static final long MAP_SHARED = 1;
  private static final long MAP_FAILED = -1;
  private static final int F_DUPFD_CLOEXEC = 1030;
  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  static final int O_PATH = 0x200000;

  /** Of x86-64, else of arm64. */
  static final int O_NOFOLLOW = System.getProperty("os.arch").equals("amd64") ? 0x20000 : 0x8000;

  private static final int O_CLOEXEC = 0x80000;

  private static final MemorySegment MMAP = symbol("mmap");
  private static final MemorySegment MUNMAP = symbol("munmap");
  private static final MemorySegment CLOSE = symbol("close");
  private static final MemorySegment FCNTL = symbol("fcntl");
  private static final MemorySegment IOCTL = symbol("ioctl");
  private static final MemorySegment SYSCALL = symbol("syscall");
  private static final MemorySegment GETPAGESIZE = symbol("getpagesize");
  private static final MemorySegment VSNPRINTF = symbol("vsnprintf");

  /** Only glibc has it. */
  private static final Optional<MemorySegment> MALLOC_TRIM =
      Linker.nativeLinker().defaultLookup().find("malloc_trim");

  private static final MemorySegment MADVISE = symbol("madvise");
  private static final MemorySegment OPEN = symbol("open");
  private static final MemorySegment FADVISE = symbol("posix_fadvise");

  private static final MemorySegment READ = symbol("read");
  private static final MemorySegment WRITE = symbol("write");
  private static final MemorySegment POLL = symbol("poll");
  private static final MemorySegment SOCKET = symbol("socket");
  private static final MemorySegment BIND = symbol("bind");
  private static final MemorySegment SETSOCKOPT = symbol("setsockopt");
  private static final MemorySegment SEND = symbol("send");
  private static final MemorySegment RECVMSG = symbol("recvmsg");
  private static final MemorySegment INOTIFY_INIT1 = symbol("inotify_init1");
  private static final MemorySegment INOTIFY_ADD_WATCH = symbol("inotify_add_watch");
  private static final MemorySegment INOTIFY_RM_WATCH = symbol("inotify_rm_watch");
  private static final MemorySegment SETPRIORITY = symbol("setpriority");

  private Libc() {}

  private static MemorySegment symbol(String name) {
    return Linker.nativeLinker().defaultLookup().findOrThrow(name);
  }

  /**
   * Maps {@code length} bytes of a file, shared, until the arena is closed.
   *
   * @throws BpfException naming {@code what}
   */
  static MemorySegment mmap(
      String what, int fd, long offset, long length, int protection, Arena arena) {
    long address = NativeCall.call(MMAP, 0, length, protection, MAP_SHARED, fd, offset);
    if (address == MAP_FAILED) {
      throw new BpfException("mmap", what, NativeCall.errno(), "");
    }
    return MemorySegment.ofAddress(address)
        .reinterpret(length, arena, mapped -> munmap(address, length));
  }

  private static void munmap(long address, long length) {
    if ((int) NativeCall.call(MUNMAP, address, length) != 0) {
      throw new BpfException("munmap", "event channel", NativeCall.errno(), "");
    }
  }

  static int close(int fd) {
    return result((int) NativeCall.call(CLOSE, fd));
  }

  /** dup(2), not inherited by programs that are executed. */
  static int duplicate(int fd) {
    return result((int) NativeCall.call(FCNTL, fd, F_DUPFD_CLOEXEC, 0));
  }

  static int ioctl(int fd, long request, long argument) {
    return result((int) NativeCall.call(IOCTL, fd, request, argument));
  }

  /** perf_event_open(2), which the C library has no function for. */
  static int perf_event_open(long attributes, int pid, int cpu, int group, long flags) {
    return result(
        (int) NativeCall.call(SYSCALL, perfEventOpenNumber(), attributes, pid, cpu, group, flags));
  }

  /** bpf(2), for what libbpf's own function takes more than six arguments for. */
  static int bpf(int command, long attributes, int size) {
    return result((int) NativeCall.call(SYSCALL, bpfNumber(), command, attributes, size));
  }

  static int madvise(long address, long length, int advice) {
    return result((int) NativeCall.call(MADVISE, address, length, advice));
  }

  /** open(2); {@code path} is the address of a C string. */
  static int open(long path, int flags) {
    return result((int) NativeCall.call(OPEN, path, flags | O_CLOEXEC));
  }

  static int read(int fd, long buffer, long length) {
    return result((int) NativeCall.call(READ, fd, buffer, length));
  }

  static int write(int fd, long buffer, long length) {
    return result((int) NativeCall.call(WRITE, fd, buffer, length));
  }

  static int poll(long descriptors, int count, int timeoutMillis) {
    return result((int) NativeCall.call(POLL, descriptors, count, timeoutMillis));
  }

  static int socket(int domain, int type, int protocol) {
    return result((int) NativeCall.call(SOCKET, domain, type, protocol));
  }

  static int bind(int fd, long address, int length) {
    return result((int) NativeCall.call(BIND, fd, address, length));
  }

  static int setsockopt(int fd, int level, int name, long value, int length) {
    return result((int) NativeCall.call(SETSOCKOPT, fd, level, name, value, length));
  }

  static int send(int fd, long buffer, int length, int flags) {
    return result((int) NativeCall.call(SEND, fd, buffer, length, flags));
  }

  static int recvmsg(int fd, long message, int flags) {
    return result((int) NativeCall.call(RECVMSG, fd, message, flags));
  }

  static int inotify_init1(int flags) {
    return result((int) NativeCall.call(INOTIFY_INIT1, flags));
  }

  /** {@code path} is the address of a C string. */
  static int inotify_add_watch(int fd, long path, int mask) {
    return result((int) NativeCall.call(INOTIFY_ADD_WATCH, fd, path, mask));
  }

  static int inotify_rm_watch(int fd, int watch) {
    return result((int) NativeCall.call(INOTIFY_RM_WATCH, fd, watch));
  }

  static int setpriority(int which, int who, int nice) {
    return result((int) NativeCall.call(SETPRIORITY, which, who, nice));
  }

  /** Of a whole file; unlike its neighbours it returns the errno. */
  static int posix_fadvise(int fd, int advice) {
    return -(int) NativeCall.call(FADVISE, fd, 0, 0, advice);
  }

  /**
   * Returns free memory at all places of the heap to the kernel; nothing where the C library
   * cannot.
   */
  static void malloc_trim() {
    MALLOC_TRIM.ifPresent(function -> NativeCall.call(function, 0));
  }

  static int getpagesize() {
    return (int) NativeCall.call(GETPAGESIZE);
  }

  static int vsnprintf(long buffer, long size, long format, long arguments) {
    return (int) NativeCall.call(VSNPRINTF, buffer, size, format, arguments);
  }

  private static int perfEventOpenNumber() {
    String machine = System.getProperty("os.arch");
    return switch (machine) {
      case "amd64" -> 298;
      case "aarch64" -> 241;
      default ->
          throw new UnsupportedOperationException(
              "no perf event channel on " + machine + ": its system call number is not known here");
    };
  }

  private static int bpfNumber() {
    String machine = System.getProperty("os.arch");
    return switch (machine) {
      case "amd64" -> 321;
      case "aarch64" -> 280;
      default ->
          throw new UnsupportedOperationException(
              "no bpf(2) on " + machine + ": its system call number is not known here");
    };
  }

  private static int result(int returned) {
    return returned < 0 ? -NativeCall.errno() : returned;
  }
}
