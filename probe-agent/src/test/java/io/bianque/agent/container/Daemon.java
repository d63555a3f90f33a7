package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A container runtime's daemon of the test's own: what it keeps is in the test's folder, its API on
 * a socket there, and none of its containers has a network. Spoken to by curl.
 */
final class Daemon {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Path folder;
  private final Path socket;
  private final Process process;

  /** Skips the test where something is missing, or runs already that it would get in the way of. */
  static void requires(String program, String debianPackage) {
    Stream.of(program, "runc", "busybox", "curl")
        .forEach(each ->
            assumeTrue(
                Stream.of("/usr/bin", "/usr/sbin", "/bin")
                    .anyMatch(folder -> Files.isExecutable(Path.of(folder, each))),
                "needs %s: apt-get install %s busybox-static curl".formatted(each, debianPackage)));
    Stream.of("/run/containerd/containerd.sock", "/run/docker.sock")
        .forEach(each ->
            assumeTrue(
                !Files.exists(Path.of(each)),
                each + ": one runs on this machine, whose containers the test might touch"));
  }

  /**
   * Starts it.
   *
   * @param folder where its log goes
   */
  Daemon(Path folder, Path socket, String... command) throws IOException {
    this.folder = folder;
    this.socket = socket;
    this.process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    await(command[0])
        .atMost(LIMIT)
        .until(() -> {
          assertThat(process.isAlive()).as(() -> log()).isTrue();
          return Files.exists(socket);
        });
  }

  /** Files of a root file system with busybox's programs. */
  static Path busybox(Path folder) throws Exception {
    bash(
        folder,
        """
        mkdir -p root/bin root/dev root/etc root/proc root/sys root/tmp
        cp "$(command -v busybox)" root/bin/busybox
        for each in sh sleep; do ln -s busybox root/bin/$each; done
        """);
    return folder.resolve("root");
  }

  static String bash(Path folder, String script) throws Exception {
    Process shell =
        new ProcessBuilder("bash", "-ec", script)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    String output =
        new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(shell.waitFor()).as("%s: %s", script, output).isZero();
    return output;
  }

  /** What curl gets with these arguments. */
  byte[] curl(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of("curl", "-sS", "--fail-with-body", "--unix-socket", socket.toString()));
    command.addAll(List.of(arguments));
    Process curl =
        new ProcessBuilder(command).redirectError(folder.resolve("curl").toFile()).start();
    byte[] answer = curl.getInputStream().readAllBytes();
    assertThat(curl.waitFor())
        .as(() -> new String(answer, StandardCharsets.UTF_8) + read(folder.resolve("curl")) + log())
        .isZero();
    return answer;
  }

  /**
   * Ends it, and removes what it left elsewhere, unless somebody uses it.
   *
   * @param cgroup in which its containers were
   */
  void close(String cgroup) throws Exception {
    process.destroy();
    assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).as(() -> log()).isTrue();
    bash(
        folder,
        """
        find /sys/fs/cgroup -depth -type d '(' -path '*/%1$s' -o -path '*/%1$s/*' ')' -exec rmdir {} + 2>/dev/null || true
        find /run/containerd /run/docker /opt/containerd -depth -type d -empty -delete 2>/dev/null || true
        """
            .formatted(cgroup));
  }

  private String log() {
    return read(folder.resolve("log"));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
