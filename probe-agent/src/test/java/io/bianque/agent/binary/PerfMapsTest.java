package io.bianque.agent.binary;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.HostRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Maps of processes that run here, in the /tmp of this machine. */
class PerfMapsTest {
  private static final Duration AGAIN = Duration.ofMillis(200);
  private static final long MOST = 256 << 10;
  private static final String NAME = "n".repeat(200);

  private final List<Process> running = new ArrayList<>();
  private final List<Path> maps = new ArrayList<>();
  private final PerfMaps names = new PerfMaps(HostRoot.SYSTEM, MOST, AGAIN);

  @AfterEach
  void end() throws Exception {
    for (Process each : running) {
      each.destroyForcibly().waitFor();
    }
    for (Path each : maps) {
      Files.deleteIfExists(each);
    }
  }

  private Process start() throws IOException {
    Process process = new ProcessBuilder("sleep", "1h").start();
    running.add(process);
    return process;
  }

  private Path write(Process process, String text) throws IOException {
    Path map = Path.of("/tmp/perf-" + process.pid() + ".map");
    maps.add(map);
    return Files.writeString(map, text);
  }

  /** Empty: it has none. */
  private String name(Process process, long address) {
    byte[] out = new byte[CodeNames.MOST_BYTES];
    return new String(out, 0, names.of((int) process.pid()).copyName(address, out, 0), UTF_8);
  }

  private void awaitName(Process process, long address, String name) {
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(name(process, address)).isEqualTo(name));
  }

  @Test
  void whoAsksFirstHasNoNameAndWhoAsksLaterHas() throws IOException {
    Process process = start();
    write(process, "1000 10 compiled\nrubbish\n");

    assertThat(name(process, 0x1000)).isEmpty();
    awaitName(process, 0x1000, "compiled");
    assertThat(name(process, 0x1010)).isEmpty();
    assertThat(names.report().looks()).containsEntry("read", 1L);
    assertThat(names.report().skipped()).isEqualTo(1);
    assertThat(names.report().bytes()).isBetween(16L, 100L);
  }

  @Test
  void aFileThatGrowsIsReadAgainAndOneThatDoesNotIsNot() throws IOException {
    Process process = start();
    write(process, "1000 10 compiled\n");
    awaitName(process, 0x1000, "compiled");
    await()
        .atMost(Duration.ofSeconds(10))
        .until(
            () -> !name(process, 0x1000).isEmpty() && names.report().looks().get("unchanged") > 2);
    assertThat(names.report().looks()).containsEntry("read", 1L);

    write(process, "1000 10 again\n2000 10 more\n");

    awaitName(process, 0x2000, "more");
    assertThat(name(process, 0x1000)).isEqualTo("again");
    assertThat(names.report().looks()).containsEntry("read", 2L);
  }

  /** Another process may get its number. */
  @Test
  void whatIsKnownOfAProcessEndsWithIt() throws Exception {
    Process process = start();
    write(process, "1000 10 compiled\n");
    awaitName(process, 0x1000, "compiled");

    process.destroyForcibly().waitFor();

    awaitName(process, 0x1000, "");
    assertThat(names.report().bytes()).isZero();
  }

  @Test
  void aProcessIsLookedAtAgainOnlyAfterAWhile() throws IOException {
    Process process = start();
    long end = System.nanoTime() + AGAIN.multipliedBy(5).toNanos();
    while (System.nanoTime() < end) {
      assertThat(name(process, 0x1000)).isEmpty();
    }

    assertThat(names.report().looks().get("absent")).isBetween(1L, 6L);
  }

  @Test
  void mapsThatTogetherAreTooLargeTakeTurns() throws IOException {
    Process first = start();
    Process second = start();
    String large = "2000 10 " + NAME + "\n";
    write(first, "1000 10 first\n" + large.repeat(1000));
    write(second, "1000 10 second\n" + large.repeat(1000));

    awaitName(first, 0x1000, "first");
    awaitName(second, 0x1000, "second");
    assertThat(name(first, 0x1000)).isEmpty();
    assertThat(names.report().bytes()).isBetween(MOST / 3, MOST);
    awaitName(first, 0x1000, "first");
    assertThat(names.report().looks().get("too-large")).isZero();
  }

  @Test
  void aMapThatIsTooLargeByItselfIsRefused() throws IOException {
    Process process = start();
    write(process, ("1000 10 " + NAME + "\n").repeat(2000));

    assertThat(name(process, 0x1000)).isEmpty();
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(names.report().looks()).containsEntry("too-large", 1L));
    assertThat(name(process, 0x1000)).isEmpty();
    assertThat(names.report().bytes()).isZero();
  }

  /** In a container with a /proc of its own, the kernel's numbers are those of others. */
  @Test
  void whereNumbersMeanOtherProcessesNoneIsLookedAt(@TempDir Path host) throws IOException {
    Path first = Files.createDirectories(host.resolve("proc/1/ns"));
    Files.writeString(first.resolve("pid"), "");
    Process process = start();
    write(process, "1000 10 compiled\n");
    PerfMaps foreign = new PerfMaps(new HostRoot(host), MOST, AGAIN);
    byte[] out = new byte[CodeNames.MOST_BYTES];

    long end = System.nanoTime() + AGAIN.multipliedBy(3).toNanos();
    while (System.nanoTime() < end) {
      assertThat(foreign.of((int) process.pid()).copyName(0x1000, out, 0)).isZero();
    }
    assertThat(foreign.report().looks().values()).containsOnly(0L);
  }
}
