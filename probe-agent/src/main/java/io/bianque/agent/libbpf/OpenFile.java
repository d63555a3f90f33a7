package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * A file whose descriptor means something: a namespace, a trigger, or whatever just now lies on a
 * path that others may change.
 */
public final class OpenFile implements AutoCloseable {
  private static final short POLLPRI = 2;

  /** struct pollfd: descriptor, events asked for, events that are. */
  private static final int POLLFD_BYTES = 8;

  private static final int POLLFD_EVENTS = 4;
  private static final int POLLFD_REVENTS = 6;

  private final String path;
  private final int fd;

  private OpenFile(Path path, int flags) {
    this.path = path.toString();
    try (Arena call = Arena.ofConfined()) {
      fd = checked("open", Libc.open(call.allocateFrom(this.path).address(), flags));
    }
  }

  /**
   * Opens for reading.
   *
   * @throws BpfException when it cannot be opened
   */
  public static OpenFile read(Path path) {
    return new OpenFile(path, Libc.O_RDONLY);
  }

  /**
   * Opens for reading and writing.
   *
   * @throws BpfException when it cannot be opened
   */
  public static OpenFile readWrite(Path path) {
    return new OpenFile(path, Libc.O_RDWR);
  }

  /**
   * Holds what lies on a path, also a link at its end, without opening it: no device notices, and
   * nothing keeps the caller waiting. {@link #link} leads to it.
   *
   * @throws BpfException when nothing lies there
   */
  public static OpenFile place(Path path) {
    return new OpenFile(path, Libc.O_PATH | Libc.O_NOFOLLOW);
  }

  /** A path of this process that leads to the very file, whatever lies now where it was. */
  public Path link() {
    return Path.of("/proc/self/fd/" + fd);
  }

  public int descriptor() {
    return fd;
  }

  /**
   * Writes a text and its NUL.
   *
   * @throws BpfException when the kernel refuses it
   */
  public void write(String text) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment bytes = call.allocateFrom(text);
      int _ = checked("write", Libc.write(fd, bytes.address(), bytes.byteSize()));
    }
  }

  /**
   * Whether the kernel has said since the last look that what the file watches for has happened.
   */
  public boolean hasFired() {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment descriptor = call.allocate(POLLFD_BYTES, Integer.BYTES);
      descriptor.set(JAVA_INT, 0, fd);
      descriptor.set(JAVA_SHORT, POLLFD_EVENTS, POLLPRI);
      int _ = checked("poll", Libc.poll(descriptor.address(), 1, 0));
      return (descriptor.get(JAVA_SHORT, POLLFD_REVENTS) & POLLPRI) != 0;
    }
  }

  private int checked(String function, int result) {
    if (result < 0) {
      throw new BpfException(function, path, -result, "");
    }
    return result;
  }

  @Override
  public void close() {
    int _ = Libc.close(fd);
  }
}
