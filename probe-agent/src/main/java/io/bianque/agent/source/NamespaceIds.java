package io.bianque.agent.source;

import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.OpenFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Which namespace an id stands for. The kernel has no answer to that, only to the opposite: so the
 * namespaces of processes and those with a name are asked for their ids.
 */
final class NamespaceIds implements AutoCloseable {
  private static final Path NAMED = Path.of("/run/netns");
  private static final Path OWN = Path.of("/proc/thread-self/ns/net");

  /** Processes asked in one turn: some 3 ms. */
  private static final int PROCESSES_A_TURN = 512;

  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final Links links;
  private final NetworkNamespaces namespaces = new NetworkNamespaces(Path.of("/proc"));
  private final Map<Integer, Long> inodes = new HashMap<>();
  private final OpenFile ownFile;
  private final long own;

  /** Once it has one it keeps it. */
  private OptionalInt ownId = OptionalInt.empty();

  private long lastLook = System.nanoTime() - PAUSE_NANOS;

  /** On a thread that is in the same namespace as those links. */
  NamespaceIds(Links links) {
    this.links = links;
    try {
      own = (long) Files.getAttribute(OWN, "unix:ino");
      ownFile = OpenFile.read(OWN);
    } catch (IOException e) {
      throw new UncheckedIOException(OWN + ": cannot be read", e);
    }
    namespaces.begin();
    namespaces.look(Integer.MAX_VALUE);
    match();
  }

  /**
   * Whether the id is that of the own namespace. It gets one when another one's device is asked for
   * whose other end is here.
   */
  boolean isOwn(int id) {
    if (ownId.isEmpty()) {
      ownId = links.idOfFile(ownFile.descriptor());
    }
    return ownId.equals(OptionalInt.of(id));
  }

  /** The id, unless it is the own namespace's: 5.10 says it of the own devices' messages too. */
  OptionalInt other(OptionalInt id) {
    return id.isPresent() && isOwn(id.getAsInt()) ? OptionalInt.empty() : id;
  }

  /** Ids of all other namespaces that have one. */
  Set<Integer> others() {
    Set<Integer> ids = links.namespaceIds();
    ids.removeIf(this::isOwn);
    return ids;
  }

  /** Inode of a namespace; without an id, the own one's; empty when it is not known yet. */
  Optional<Long> inode(OptionalInt id) {
    return id.isEmpty() ? Optional.of(own) : Optional.ofNullable(inodes.get(id.getAsInt()));
  }

  /**
   * Looks again, by a part of the processes; on small hosts that is all of them. Nothing when it
   * has just been done, so that a namespace that nobody knows does not keep the thread busy.
   */
  void look() {
    long now = System.nanoTime();
    if (now - lastLook < PAUSE_NANOS) {
      return;
    }
    lastLook = now;
    namespaces.begin();
    namespaces.look(PROCESSES_A_TURN);
    match();
  }

  /** The id is free for another namespace. */
  void forget(int id) {
    inodes.remove(id);
  }

  private void match() {
    namespaces
        .known()
        .forEach((inode, pid) -> links.idOfProcess(pid).ifPresent(id -> inodes.put(id, inode)));
    if (!Files.isDirectory(NAMED)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(NAMED)) {
      for (Path file : files) {
        matchNamed(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(NAMED + ": cannot be listed", e);
    }
  }

  private void matchNamed(Path file) {
    try (OpenFile open = OpenFile.read(file)) {
      long inode = (long) Files.getAttribute(file, "unix:ino");
      links.idOfFile(open.descriptor()).ifPresent(id -> inodes.put(id, inode));
    } catch (IOException | BpfException deleted) {
      // It has no name any more; if it still has an id, a process may be in it.
    }
  }

  @Override
  public void close() {
    ownFile.close();
  }
}
