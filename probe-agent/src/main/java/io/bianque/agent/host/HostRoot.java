package io.bianque.agent.host;

import java.nio.file.Path;

/**
 * Where the host's /proc, /sys and /etc are seen: {@code /} on the host itself, {@code /host} or
 * the like in a container that has them mounted, a folder of recorded files in a test.
 */
public record HostRoot(Path root) {
  public static final HostRoot SYSTEM = new HostRoot(Path.of("/"));

  /** A path on the host, given without the leading slash: {@code proc/kallsyms}. */
  Path path(String relative) {
    return root.resolve(relative);
  }
}
