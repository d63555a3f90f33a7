package io.bianque.agent.binary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.binary.PerfMapFile.Look;
import io.bianque.agent.binary.PerfMapFile.Reason;
import io.bianque.agent.host.HostRoot;
import io.bianque.agent.testing.Commands;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.Program;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process below a root of its own, and what its /tmp may hold. */
@KernelTest
@Timeout(60) // What waits for a FIFO, waits for ever.
class PerfMapFileTest {
  private static final int NOBODY = 65534;
  private static final long MOST = 1 << 20;
  private static final String LINE = "1000 10 name\n";

  @TempDir Path root;
  private Path tmp;
  private Process process;
  private Path map;

  @AfterEach
  void end() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  private void start(int user) throws IOException {
    Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x"));
    var _ = Program.compile(root, "-static");
    tmp = Files.createDirectory(root.resolve("tmp"));
    process = new ProcessBuilder("chroot", "--userspec=" + user, root.toString(), "/burn").start();
    await()
        .atMost(Duration.ofSeconds(10))
        .until(() ->
            Files.readString(Path.of("/proc/" + process.pid() + "/comm")).strip().equals("burn"));
    map = tmp.resolve("perf-" + process.pid() + ".map");
  }

  private Look look(PerfMapFile.Version before) {
    return PerfMapFile.look(HostRoot.SYSTEM, (int) process.pid(), before, MOST, _ -> {});
  }

  private PerfMapFile.Version read() {
    assertThat(look(null)).isInstanceOf(Look.Read.class);
    return ((Look.Read) look(null)).version();
  }

  private void assertNone(Reason reason) {
    assertThat(look(null))
        .isInstanceOfSatisfying(
            Look.None.class, none -> assertThat(none.reason()).isEqualTo(reason));
  }

  @Test
  void theFileOfTheProcessIsReadAndAgainWhenItHasChanged() throws IOException {
    start(0);
    assertNone(Reason.ABSENT);
    Files.writeString(map, LINE);

    PerfMapFile.Version version = read();

    assertThat(look(version)).isInstanceOf(Look.Unchanged.class);
    Files.writeString(map, LINE + "2000 10 other\n");
    assertThat(look(version))
        .isInstanceOfSatisfying(
            Look.Read.class, again -> assertThat(again.map().functions()).isEqualTo(2));
  }

  @Test
  void aProcessThatIsGoneHasNone() throws Exception {
    start(0);
    Files.writeString(map, LINE);
    process.destroyForcibly().waitFor();

    assertNone(Reason.ABSENT);
  }

  /** On the host another file lies there. */
  @Test
  void noLinkIsFollowed() throws IOException {
    start(0);
    Path target = Files.writeString(root.resolve("target"), LINE);
    Files.createSymbolicLink(map, target);
    assertNone(Reason.NOT_REGULAR);

    Files.delete(map);
    Files.delete(tmp);
    Path elsewhere = Files.createDirectory(root.resolve("elsewhere"));
    Files.writeString(elsewhere.resolve(map.getFileName()), LINE);
    Files.createSymbolicLink(tmp, elsewhere);
    assertNone(Reason.NOT_REGULAR);
  }

  @Test
  void neitherAFifoNorADeviceNorAFolderIsOpened() throws IOException {
    start(0);
    var _ = Commands.run("", "mkfifo", map.toString());
    assertNone(Reason.NOT_REGULAR);
    Files.delete(map);
    // No driver has the number: if it were opened, that would fail otherwise.
    var _ = Commands.run("", "mknod", map.toString(), "c", "511", "255");
    assertNone(Reason.NOT_REGULAR);
    Files.delete(map);
    Files.createDirectory(map);
    assertNone(Reason.NOT_REGULAR);
  }

  @Test
  void aFileOfAnotherUserIsNotBelieved() throws IOException {
    start(0);
    Files.writeString(map, LINE);
    Files.setAttribute(map, "unix:uid", NOBODY);

    assertNone(Reason.FOREIGN);
  }

  @Test
  void aFileOfTheProcessesUserOrOfRootIs() throws IOException {
    start(NOBODY);
    Files.writeString(map, LINE);
    assertThat(look(null)).isInstanceOf(Look.Read.class);

    Files.setAttribute(map, "unix:uid", NOBODY);
    assertThat(look(null)).isInstanceOf(Look.Read.class);
    Files.setAttribute(map, "unix:uid", NOBODY - 1);
    assertNone(Reason.FOREIGN);
  }

  /** In a container the next process has the same number, and the same /tmp. */
  @Test
  void aFileThatAnEarlierProcessHasWrittenIsNotTaken() throws IOException {
    Instant before = Instant.now();
    start(0);
    Files.writeString(map, LINE);
    Files.setLastModifiedTime(map, FileTime.from(before.minusMillis(100)));
    assertNone(Reason.EARLIER);

    Files.setLastModifiedTime(map, FileTime.from(Instant.now()));
    assertThat(look(null)).isInstanceOf(Look.Read.class);
  }

  @Test
  void aFileThatIsTooLargeIsNotRead() throws IOException {
    start(0);
    Files.writeString(map, LINE);
    try (RandomAccessFile file = new RandomAccessFile(map.toFile(), "rw")) {
      file.setLength(PerfMapFile.MOST_BYTES + 1);
    }
    assertNone(Reason.TOO_LARGE);

    Files.writeString(map, "1000 10 %s%n".formatted("n".repeat(200)).repeat(5000));
    assertNone(Reason.TOO_LARGE);
  }
}
