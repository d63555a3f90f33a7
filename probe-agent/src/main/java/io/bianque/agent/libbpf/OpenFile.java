package io.bianque.agent.libbpf;

import java.lang.foreign.Arena;
import java.nio.file.Path;

/** An open file whose descriptor is what matters, as that of a namespace. */
public final class OpenFile implements AutoCloseable {
  private final int fd;

  private OpenFile(int fd) {
    this.fd = fd;
  }

  /**
   * Opens for reading.
   *
   * @throws BpfException when it cannot be opened
   */
  public static OpenFile read(Path path) {
    try (Arena call = Arena.ofConfined()) {
      int fd = Libc.open(call.allocateFrom(path.toString()).address());
      if (fd < 0) {
        throw new BpfException("open", path.toString(), -fd, "");
      }
      return new OpenFile(fd);
    }
  }

  public int descriptor() {
    return fd;
  }

  @Override
  public void close() {
    int _ = Libc.close(fd);
  }
}
