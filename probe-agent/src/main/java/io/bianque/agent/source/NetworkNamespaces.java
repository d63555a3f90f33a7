package io.bianque.agent.source;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Queue;

/**
 * The network namespaces that processes are in, each with one of them. There is no list of them, so
 * every process is asked; with thousands of them that is done in parts.
 */
final class NetworkNamespaces {
  private static final String LINK_PREFIX = "net:[";

  private final Path proc;
  private Map<Long, Integer> known = Map.of();
  private final Queue<Integer> toAsk = new ArrayDeque<>();
  private final Map<Long, Integer> found = new HashMap<>();

  NetworkNamespaces(Path proc) {
    this.proc = proc;
  }

  /** A process of each namespace, as the last complete look found them, by the inode. */
  Map<Long, Integer> known() {
    return known;
  }

  /** Begins a new look, unless one is under way. */
  void begin() {
    if (!toAsk.isEmpty()) {
      return;
    }
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(proc, "[0-9]*")) {
      for (Path each : processes) {
        toAsk.add(Integer.parseInt(each.getFileName().toString()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(proc + ": processes cannot be listed", e);
    } catch (DirectoryIteratorException e) {
      throw new UncheckedIOException(proc + ": processes cannot be listed", e.getCause());
    }
  }

  /** Goes on with the look that is under way, by so many processes. */
  void look(int processes) {
    if (toAsk.isEmpty()) {
      return;
    }
    for (int i = 0; i < processes && !toAsk.isEmpty(); i++) {
      int pid = toAsk.remove();
      inode(pid).ifPresent(inode -> found.putIfAbsent(inode, pid));
    }
    if (toAsk.isEmpty()) {
      known = Map.copyOf(found);
      found.clear();
    }
  }

  /** Whether no look is under way. */
  boolean isComplete() {
    return toAsk.isEmpty();
  }

  /**
   * Inode of the namespace that a process is in; empty when it has ended, or is not ours to ask.
   */
  OptionalLong inode(int pid) {
    try {
      String link = Files.readSymbolicLink(proc.resolve(pid + "/ns/net")).toString();
      return link.startsWith(LINK_PREFIX)
          ? OptionalLong.of(Long.parseLong(link, LINK_PREFIX.length(), link.length() - 1, 10))
          : OptionalLong.empty();
    } catch (IOException ended) {
      return OptionalLong.empty();
    }
  }
}
