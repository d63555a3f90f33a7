package io.bianque.agent.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the host's /proc, /sys and /etc are seen: {@code /} on the host itself, {@code /host} or
 * the like in a container that has them mounted, a folder of recorded files in a test.
 */
public record HostRoot(Path root) {
  public static final HostRoot SYSTEM = new HostRoot(Path.of("/"));

  /** Of one small file; procfs and sysfs give no size to trust. */
  private static final int MAX_BYTES = 64 * 1024;

  /** A path on the host, given without the leading slash: {@code proc/kallsyms}. */
  public Path path(String relative) {
    return root.resolve(relative);
  }

  /**
   * A small file's text without the white space around it; empty when it is missing, unreadable or
   * blank.
   */
  Optional<String> text(String relative) {
    return bytes(relative)
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8).strip())
        .filter(text -> !text.isEmpty());
  }

  /** As {@link #text}, of a file that every Linux has. */
  String requiredText(String relative) {
    return text(relative)
        .orElseThrow(() ->
            new HostException(
                path(relative) + ": cannot be read; is the host's /proc mounted there?"));
  }

  Optional<byte[]> bytes(String relative) {
    Path file = path(relative);
    try (InputStream in = Files.newInputStream(file)) {
      return Optional.of(in.readNBytes(MAX_BYTES));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
