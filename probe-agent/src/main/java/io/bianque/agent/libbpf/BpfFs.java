package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The file system whose files are maps, programs and links: what has a file there stays in the
 * kernel when no process holds it any more. Its names have no dots.
 */
public final class BpfFs {
  private static final String TYPE = "bpf";

  private BpfFs() {}

  /** Whether a folder that exists is on such a file system. */
  public static boolean holds(Path folder) {
    try {
      return Files.getFileStore(folder).type().equals(TYPE);
    } catch (IOException e) {
      return false;
    }
  }

  static void pin(String subject, int fd, Path path) {
    try (Arena arena = Arena.ofConfined()) {
      int result = Libbpf.bpf_obj_pin(fd, arena.allocateFrom(path.toString()).address());
      if (result < 0) {
        throw new BpfException("bpf_obj_pin", subject + " at " + path, -result, "");
      }
    }
  }

  /** A new file descriptor of what is pinned there; the caller's. */
  static int open(Path path) {
    try (Arena arena = Arena.ofConfined()) {
      int fd = Libbpf.bpf_obj_get(arena.allocateFrom(path.toString()).address());
      if (fd < 0) {
        throw new BpfException("bpf_obj_get", path.toString(), -fd, "");
      }
      return fd;
    }
  }

  /**
   * What the kernel says about a map or program.
   *
   * @param length how much of it this kernel filled in
   */
  record Info(MemorySegment bytes, int length) {}

  static Info info(String subject, int fd, int bytes, Arena arena) {
    MemorySegment info = arena.allocate(bytes, Long.BYTES);
    MemorySegment length = arena.allocateFrom(JAVA_INT, bytes);
    int result = Libbpf.bpf_obj_get_info_by_fd(fd, info.address(), length.address());
    if (result < 0) {
      throw new BpfException("bpf_obj_get_info_by_fd", subject, -result, "");
    }
    return new Info(info, length.get(JAVA_INT, 0));
  }
}
