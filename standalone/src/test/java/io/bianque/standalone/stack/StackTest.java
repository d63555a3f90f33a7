package io.bianque.standalone.stack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The engine on processes that are nothing but shells. */
class StackTest {

  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir private Path folder;
  private final List<String> journal = new CopyOnWriteArrayList<>();
  private Optional<Stack> stack = Optional.empty();

  @AfterEach
  void stop() {
    stack.ifPresent(Stack::close);
  }

  @Test
  void aPartStartsOnlyAfterThoseItNeedsHaveRun() throws Exception {
    Part second = part("second", "touch second; exec sleep 60", Set.of("first"), "second");
    Part first =
        part(
            "first",
            "sleep 0.5; test ! -e second && touch first; exec sleep 60",
            Set.of(),
            "first");

    assertThat(run(first, second).awaitRunning(SOON)).isTrue();
  }

  @Test
  void aKilledPartIsStartedAgainAndSaysHowItEnded() throws Exception {
    Stack stack = run(part("one", "exec sleep 60", Set.of(), "."));
    assertThat(stack.awaitRunning(SOON)).isTrue();
    OwnedProcess before = stack.report("one").mainProcess().orElseThrow();

    before.kill();

    await()
        .atMost(SOON)
        .untilAsserted(() -> {
          assertThat(stack.report("one").state()).isEqualTo(PartState.RUNNING);
          assertThat(stack.report("one").restarts()).isEqualTo(1);
        });
    assertThat(stack.report("one").mainProcess()).isPresent().isNotEqualTo(Optional.of(before));
    assertThat(journal).anyMatch(line -> line.endsWith("one: ended by signal 9"));
  }

  @Test
  void aStoppedPartStaysDownAndTakesItsChildrenAlong() throws Exception {
    Stack stack = run(part("one", "sleep 60 & wait", Set.of(), "."));
    assertThat(stack.awaitRunning(SOON)).isTrue();
    await().atMost(SOON).until(() -> stack.report("one").processes().size() == 2);
    List<OwnedProcess> processes = stack.report("one").processes();

    stack.kill("one");

    assertThat(processes).noneMatch(OwnedProcess::isAlive);
    assertThat(stack.report("one").state()).isEqualTo(PartState.STOPPED);
    assertThat(stack.report("one").restarts()).isZero();
  }

  @Test
  void aTaskThatEndsWellIsFinishedAndOneThatFailsIsTriedAgain() throws Exception {
    Part task = ends(part("task", "test -e tried || { touch tried; exit 3; }", Set.of(), "."));
    Stack stack = run(task);

    await().atMost(SOON).until(() -> stack.report("task").state() == PartState.FINISHED);
    assertThat(stack.report("task").restarts()).isEqualTo(1);
    assertThat(journal).anyMatch(line -> line.endsWith("task: exited with code 3"));
  }

  @Test
  void aProcessWhosePidWasGivenToAnotherIsNotOurs() {
    OwnedProcess self = OwnedProcess.of(ProcessHandle.current().pid()).orElseThrow();

    assertThat(self.isAlive()).isTrue();
    assertThat(new OwnedProcess(self.pid(), self.startTicks() + 1).isAlive()).isFalse();
  }

  @Test
  void aFullLogIsCutAndTheOldOneKept() throws IOException {
    Path log = folder.resolve("one.log");
    Files.write(log, new byte[(int) Logs.LIMIT_BYTES + 1]);

    Logs.keepBounded(log);

    assertThat(log).isEmptyFile();
    assertThat(folder.resolve("one.log.1")).hasSize(Logs.LIMIT_BYTES + 1);
  }

  private Stack run(Part... parts) {
    Stack started = new Stack(List.of(parts), journal::add);
    stack = Optional.of(started);
    started.start();
    return started;
  }

  /** A shell whose health is that a file exists. */
  private Part part(String name, String script, Set<String> after, String file) {
    return new Part(
        name,
        "1",
        URI.create("none://" + name),
        folder.resolve(name + ".log"),
        after,
        Set.of(),
        Duration.ofSeconds(5),
        Part.Ends.NEVER,
        () -> new Command(List.of("sh", "-c", script), Map.of(), folder),
        () -> Files.exists(folder.resolve(file)) ? Optional.empty() : Optional.of("not yet"),
        Part.SetUp.NOTHING);
  }

  private static Part ends(Part part) {
    return new Part(
        part.name(),
        part.version(),
        part.url(),
        part.log(),
        part.startAfter(),
        part.setUpAfter(),
        part.grace(),
        Part.Ends.WHEN_DONE,
        part.launch(),
        part.health(),
        part.setUp());
  }
}
