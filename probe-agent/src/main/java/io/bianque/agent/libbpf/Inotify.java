package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalInt;

/**
 * inotify(7): which folders are made and removed in others. Java's own WatchService takes a thread
 * of its own, 0.1 MB, and forgets in which order things happened in different folders.
 *
 * <p>For one thread.
 */
public final class Inotify implements AutoCloseable {
  private static final int IN_NONBLOCK_CLOEXEC = 0x800 | 0x80000;
  private static final int IN_MOVED_FROM = 0x40;
  private static final int IN_MOVED_TO = 0x80;
  private static final int IN_CREATE = 0x100;
  private static final int IN_DELETE = 0x200;
  private static final int IN_Q_OVERFLOW = 0x4000;
  private static final int IN_ONLYDIR = 0x01000000;
  private static final int IN_ISDIR = 0x40000000;

  private static final int CAME = IN_CREATE | IN_MOVED_TO;
  private static final int WENT = IN_DELETE | IN_MOVED_FROM;

  /** struct inotify_event: the watch, what happened, a cookie, the name's length, the name. */
  private static final int EVENT_MASK = 4;

  private static final int EVENT_LENGTH = 12;
  private static final int EVENT_NAME = 16;

  /** Some hundred events; one takes at most 272. */
  private static final int BUFFER_BYTES = 16 * 1024;

  private static final short POLLIN = 1;

  /** struct pollfd: descriptor, events asked for, events that are. */
  private static final int POLLFD_BYTES = 8;

  private static final int POLLFD_EVENTS = 4;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer = arena.allocate(BUFFER_BYTES, Long.BYTES);
  private final MemorySegment descriptor = arena.allocate(POLLFD_BYTES, Integer.BYTES);
  private final int fd;

  /** Who is told, in the order in which it happened. */
  public interface Listener {
    /** A folder of that name is new in the one with that watch. */
    void came(int watch, String name);

    void went(int watch, String name);

    /** The kernel had no room for what happened next. */
    void overflowed();
  }

  /**
   * Opens an instance.
   *
   * @throws BpfException when there are too many (EMFILE, fs.inotify.max_user_instances)
   */
  public Inotify() {
    fd = Libc.inotify_init1(IN_NONBLOCK_CLOEXEC);
    if (fd < 0) {
      arena.close();
      throw new BpfException("inotify_init1", "cgroups", -fd, "");
    }
    descriptor.set(JAVA_INT, 0, fd);
    descriptor.set(JAVA_SHORT, POLLFD_EVENTS, POLLIN);
  }

  /**
   * Watches a folder.
   *
   * @return the number of the watch, the same as before where there is one already; empty when
   *     there is no such folder
   * @throws BpfException when there are too many (ENOSPC, fs.inotify.max_user_watches)
   */
  public OptionalInt watch(Path folder) {
    try (Arena call = Arena.ofConfined()) {
      int watch =
          Libc.inotify_add_watch(
              fd, call.allocateFrom(folder.toString()).address(), CAME | WENT | IN_ONLYDIR);
      if (watch == -Errno.ENOENT || watch == -Errno.ENOTDIR) {
        return OptionalInt.empty();
      }
      if (watch < 0) {
        throw new BpfException("inotify_add_watch", folder.toString(), -watch, "");
      }
      return OptionalInt.of(watch);
    }
  }

  /** Ends a watch, also of a folder that is gone. */
  public void end(int watch) {
    // EINVAL: the kernel has ended it.
    int _ = Libc.inotify_rm_watch(fd, watch);
  }

  /**
   * Waits until there is something to tell, and tells as much as one read gives.
   *
   * @return whether there was something
   */
  public boolean read(Duration atMost, Listener listener) {
    int _ = Libc.poll(descriptor.address(), 1, (int) atMost.toMillis());
    int length = Libc.read(fd, buffer.address(), BUFFER_BYTES);
    if (length == -Errno.EAGAIN || length == -Errno.EINTR) {
      return false;
    }
    if (length < 0) {
      throw new BpfException("read", "inotify", -length, "");
    }
    int at = 0;
    while (at < length) {
      int nameBytes = buffer.get(JAVA_INT, at + EVENT_LENGTH);
      event(at, nameBytes, listener);
      at += EVENT_NAME + nameBytes;
    }
    return true;
  }

  private void event(int at, int nameBytes, Listener listener) {
    int mask = buffer.get(JAVA_INT, at + EVENT_MASK);
    if ((mask & IN_Q_OVERFLOW) != 0) {
      listener.overflowed();
    } else if ((mask & IN_ISDIR) != 0 && nameBytes > 0) {
      int watch = buffer.get(JAVA_INT, at);
      String name = buffer.getString(at + EVENT_NAME);
      if ((mask & CAME) != 0) {
        listener.came(watch, name);
      } else {
        listener.went(watch, name);
      }
    }
  }

  @Override
  public void close() {
    arena.close();
    int _ = Libc.close(fd);
  }
}
