package io.bianque.standalone.machine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Which process listens on a TCP port, out of /proc. */
final class PortOwner {

  /** State column of /proc/net/tcp. */
  private static final String LISTEN = "0A";

  private PortOwner() {}

  /**
   * {@code pid 4242 (nc -l 19092)}; where the process cannot be seen from here, whose it is; empty
   * when nobody listens.
   */
  static Optional<String> of(int port) {
    Map<String, String> users = new HashMap<>();
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
            users.put("socket:[" + fields[9] + "]", fields[7]);
          }
        }
      } catch (IOException notReadable) {
        return Optional.empty();
      }
    }
    return owner(users.keySet())
        .or(() -> users.values().stream().findFirst().map(PortOwner::somebodyElses));
  }

  /** What can be said of a process that only its user and root may look into. */
  private static String somebodyElses(String uid) {
    try (Stream<String> accounts = Files.lines(Path.of("/etc/passwd"))) {
      String name =
          accounts
              .map(line -> line.split(":", -1))
              .filter(fields -> fields.length > 2 && fields[2].equals(uid))
              .map(fields -> fields[0] + ", uid ")
              .findFirst()
              .orElse("uid ");
      return "a process of another user (" + name + uid + "); root sees which: ss -tlnp";
    } catch (IOException notReadable) {
      return "a process of another user (uid " + uid + "); root sees which: ss -tlnp";
    }
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
