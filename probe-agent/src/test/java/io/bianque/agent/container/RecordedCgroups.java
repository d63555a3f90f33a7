package io.bianque.agent.container;

import io.bianque.agent.host.HostRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A host made of folders, with cgroup v2 only; a folder's inode is its cgroup's id. */
final class RecordedCgroups {
  private final Path root;

  RecordedCgroups(Path root) {
    this.root = root;
    put(
        "proc/1/mountinfo",
        """
        22 27 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
        29 25 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
        """);
    cgroup("");
  }

  HostRoot host() {
    return new HostRoot(root);
  }

  Path path(String relative) {
    return root.resolve(relative);
  }

  void cgroup(String path) {
    try {
      Files.createDirectories(root.resolve("sys/fs/cgroup" + path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void remove(String path) {
    try {
      Files.delete(root.resolve("sys/fs/cgroup" + path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  long id(String path) {
    try {
      return (long) Files.getAttribute(root.resolve("sys/fs/cgroup" + path), "unix:ino");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void put(String file, String text) {
    try {
      Path path = root.resolve(file);
      Files.createDirectories(path.getParent());
      Files.writeString(path, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
