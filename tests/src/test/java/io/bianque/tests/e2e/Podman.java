package io.bianque.tests.e2e;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * Containers of busybox by Debian's podman, whose image is made here: no registry is asked. They
 * and the image go when it is closed.
 */
final class Podman implements AutoCloseable {
  static final String IMAGE = "localhost/bianque/busybox:e2e";

  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final Path BUSYBOX = Path.of("/bin/busybox");

  private final Path folder;

  /** Skips the test where there is no podman. */
  Podman() {
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/podman"))
            && Files.isExecutable(Path.of("/usr/sbin/runc"))
            && Files.isExecutable(BUSYBOX),
        "needs podman, runc and busybox-static");
    try {
      folder = Files.createTempDirectory("bianque-podman");
      // crun refuses a hybrid tree of cgroups; and limits above a host's hard ones need a right
      // that not every root has.
      Files.writeString(
          folder.resolve("containers.conf"),
          """
          [containers]
          default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
          [engine]
          runtime = "runc"
          cgroup_manager = "cgroupfs"
          events_logger = "file"
          """);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    bash(
        """
        mkdir -p root/bin root/dev root/etc root/proc root/sys root/tmp && cp %s root/bin/ &&
        for each in sh sleep tail nc; do ln -s busybox root/bin/$each; done &&
        tar -C root -c . | podman import --quiet - %s
        """
            .formatted(BUSYBOX, IMAGE));
  }

  /**
   * Starts a container without a network but its own loopback.
   *
   * @param options of {@code podman run}
   * @return its id
   */
  String run(String name, String options, String script) {
    return bash("podman run -d --net none --name %s %s %s /bin/sh -c '%s'"
            .formatted(name, options, IMAGE, script))
        .strip();
  }

  boolean exists(String name) {
    return Shell.run(folder, environment(), LIMIT, "podman container exists " + name).exit() == 0;
  }

  @Override
  public void close() {
    bash(
        """
        podman rm -f -t 0 $(podman ps -aq --filter ancestor=%1$s); podman rmi %1$s; rm -r '%2$s'
        # Podman leaves the cgroups that its containers were in; where others still are, they stay.
        find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
        """
            .formatted(IMAGE, folder));
  }

  private String bash(String command) {
    return Shell.run(folder, environment(), LIMIT, command).succeeded();
  }

  private Map<String, String> environment() {
    return Map.of("CONTAINERS_CONF", folder.resolve("containers.conf").toString());
  }
}
