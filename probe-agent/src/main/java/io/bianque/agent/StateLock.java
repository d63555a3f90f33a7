package io.bianque.agent;

import io.bianque.agent.host.HostException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Held by the one agent that may use a state folder and what it has pinned: two would take each
 * other's events. The kernel gives it back when the process ends, however it ends.
 */
final class StateLock implements AutoCloseable {
  private final FileChannel file;

  private StateLock(FileChannel file) {
    this.file = file;
  }

  /**
   * Takes it.
   *
   * @throws HostException when another process has it
   */
  static StateLock take(Path stateDir) throws IOException {
    Files.createDirectories(stateDir);
    Path path = stateDir.resolve("lock");
    FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = file.tryLock();
    if (lock == null) {
      file.close();
      throw new HostException(
          path + " is held: another agent runs with this state_dir; stop it first");
    }
    return new StateLock(file);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
