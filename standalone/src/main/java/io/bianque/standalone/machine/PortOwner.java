package io.bianque.standalone.machine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Which process listens on a TCP port, out of /proc. */
final class PortOwner {

  /** State column of /proc/net/tcp. */
  private static final String LISTEN = "0A";

  private PortOwner() {}

  /**
   * {@code pid 4242 (nc -l 19092)}; empty when nobody listens or the process cannot be seen from
   * here.
   */
  static Optional<String> of(int port) {
    Set<String> sockets = new HashSet<>();
    for (Path table : List.of(Path.of("/proc/net/tcp"), Path.of("/proc/net/tcp6"))) {
      if (!Files.exists(table)) {
        // A kernel without IPv6 has no tcp6.
        continue;
      }
      try {
        for (String line : Files.readAllLines(table)) {
          String[] fields = line.strip().split("\\s+", -1);
          if (fields.length > 9
              && fields[3].equals(LISTEN)
              && fields[1].endsWith(":" + String.format(Locale.ROOT, "%04X", port))) {
            sockets.add("socket:[" + fields[9] + "]");
          }
        }
      } catch (IOException notReadable) {
        return Optional.empty();
      }
    }
    return sockets.isEmpty() ? Optional.empty() : owner(sockets);
  }

  private static Optional<String> owner(Set<String> sockets) {
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (holds(process, sockets)) {
          return Optional.of("pid " + process.getFileName() + " (" + commandLine(process) + ")");
        }
      }
    } catch (IOException notReadable) {
      return Optional.empty();
    }
    return Optional.empty();
  }

  private static boolean holds(Path process, Set<String> sockets) {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : descriptors) {
        if (sockets.contains(Files.readSymbolicLink(descriptor).toString())) {
          return true;
        }
      }
      return false;
    } catch (IOException goneOrForbidden) {
      return false;
    }
  }

  private static String commandLine(Path process) throws IOException {
    String line =
        new String(Files.readAllBytes(process.resolve("cmdline")), StandardCharsets.UTF_8)
            .replace('\0', ' ')
            .strip();
    return line.length() <= 60 ? line : line.substring(0, 60) + "…";
  }
}
