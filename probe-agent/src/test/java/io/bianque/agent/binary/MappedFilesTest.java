package io.bianque.agent.binary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.host.HostRoot;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.Program;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes of this machine, found by what they run. */
@KernelTest
class MappedFilesTest {
  private static final String BUILD_ID = "b1a9c0de".repeat(5);
  private static final String NOBODY = "65534";

  @TempDir Path folder;
  private final List<Process> running = new ArrayList<>();

  @AfterEach
  void end() throws InterruptedException {
    for (Process each : running) {
      each.destroyForcibly().waitFor();
    }
  }

  private Path compile(String... more) throws IOException {
    List<String> flags = new ArrayList<>(List.of("-Wl,--build-id=0x" + BUILD_ID));
    flags.addAll(List.of(more));
    return Program.compile(folder, flags.toArray(String[]::new));
  }

  /** Asleep: it is found by what it has mapped. */
  private void start(String... command) throws IOException {
    Process process = new ProcessBuilder(command).start();
    running.add(process);
    await()
        .atMost(Duration.ofSeconds(10))
        .until(() ->
            Files.readString(Path.of("/proc/" + process.pid() + "/cmdline")).startsWith("/burn")
                || Files.readString(Path.of("/proc/" + process.pid() + "/comm"))
                    .strip()
                    .equals("burn"));
  }

  private static List<SymbolChunk> published(String... buildIds) {
    Set<String> wanted = new HashSet<>();
    for (String each : buildIds) {
      wanted.add(each + "/user");
    }
    List<SymbolChunk> chunks = new ArrayList<>();
    Thread reader =
        Thread.ofPlatform()
            .start(() -> new MappedFiles(HostRoot.SYSTEM).stream(wanted::contains, chunks::add));
    try {
      reader.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return chunks;
  }

  private static void assertIsBurn(List<SymbolChunk> chunks) {
    assertThat(chunks)
        .hasSize(1)
        .first()
        .satisfies(chunk -> {
          assertThat(chunk.getBuildId()).isEqualTo(BUILD_ID);
          assertThat(chunk.getObject()).isEqualTo("user");
          assertThat(chunk.getFile()).isEqualTo("burn");
          assertThat(chunk.getLast()).isTrue();
          assertThat(chunk.getSymbols())
              .extracting(Symbol::getName)
              .contains("leaf", "middle", "main");
        });
  }

  @Test
  void aProgramThatRunsIsFoundByItsBuildIdAndNoOtherIsPublished() throws Exception {
    start(compile("-no-pie").toString());

    assertIsBurn(published(BUILD_ID, "00".repeat(20)));
    assertThat(published("00".repeat(20))).isEmpty();
  }

  @Test
  void aFileThatWasDeletedSinceIsFound() throws Exception {
    Path program = compile();
    start(program.toString());
    Files.delete(program);

    assertIsBurn(published(BUILD_ID));
  }

  /** As in a container: its path leads nowhere, or elsewhere, on the host. */
  @Test
  void aFileBelowAnotherRootIsFound() throws Exception {
    Path program = compile("-static");
    start("chroot", program.getParent().toString(), "/burn");

    assertIsBurn(published(BUILD_ID));
  }

  @Test
  void aFileOfRootGoesBeforeAnotherThatSaysToBeTheSame() throws Exception {
    Path others = Files.createDirectory(folder.resolve("others"));
    Path forged = Files.copy(compile("-Dleaf=forged"), others.resolve("burn"));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setAttribute(forged, "unix:uid", Integer.parseInt(NOBODY));
    start(forged.toString());
    start(compile().toString());

    assertIsBurn(published(BUILD_ID));
  }

  @Test
  void aFileOfAnybodyIsTakenWhereRootHasNone() throws Exception {
    Path program = compile();
    Files.setAttribute(program, "unix:uid", Integer.parseInt(NOBODY));
    start(program.toString());

    assertIsBurn(published(BUILD_ID));
  }
}
