package io.bianque.standalone.stack;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * One part's life: a thread that starts it, watches it and starts it again. Its fields are guarded
 * by the stack's lock.
 */
final class Supervised {

  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** A part that ran this long had a good start: its next pause begins small again. */
  private static final Duration STEADY = Duration.ofMinutes(1);

  /** What is not healthy by then says what keeps it. */
  private static final Duration USUAL_START = Duration.ofSeconds(30);

  private static final Duration FOREVER = Duration.ofDays(10_000);
  private static final Duration POLL_STARTING = Duration.ofMillis(200);
  private static final Duration POLL_RUNNING = Duration.ofSeconds(3);

  final Part part;
  boolean hasRun;

  private final Stack stack;
  private final Thread thread;
  private boolean wanted;
  private boolean begun;
  private PartState state = PartState.WAITING;
  private Instant since = Instant.now();
  private Optional<String> detail = Optional.empty();
  private Optional<Process> process = Optional.empty();
  private List<OwnedProcess> tree = List.of();
  private int restarts;

  Supervised(Stack stack, Part part) {
    this.stack = stack;
    this.part = part;
    this.thread = Thread.ofVirtual().name("supervise-" + part.name()).unstarted(this::live);
  }

  /** Wants the part to run; the first time, its thread begins. */
  void begin() {
    stack.lock.lock();
    try {
      wanted = true;
      if (!begun) {
        begun = true;
        thread.start();
      }
      stack.changed.signalAll();
    } finally {
      stack.lock.unlock();
    }
  }

  boolean runsAsWanted() {
    return wanted ? state.isGood() : process.isEmpty();
  }

  PartReport report() {
    return new PartReport(
        part.name(), state, part.version(), part.url(), part.log(), tree, restarts, since, detail);
  }

  /** From now on the part is not started again. */
  void leaveDown() {
    stack.lock.lock();
    try {
      wanted = false;
      stack.changed.signalAll();
    } finally {
      stack.lock.unlock();
    }
  }

  /** Ends the process within {@code grace}, its descendants after it. Returns when all are gone. */
  void end(Duration grace) throws InterruptedException {
    Optional<Process> running;
    stack.lock.lock();
    try {
      running = process;
    } finally {
      stack.lock.unlock();
    }
    if (running.isPresent()) {
      Process process = running.get();
      rememberTree(process);
      if (grace.isPositive()) {
        process.destroy();
        if (!process.waitFor(grace.toMillis(), TimeUnit.MILLISECONDS)) {
          stack.journal(part, "still runs " + grace.toSeconds() + " s after SIGTERM: killed");
        }
      }
      killNow();
      process.waitFor();
      awaitGone();
    }
    stack.await(FOREVER, () -> process.isEmpty());
  }

  void killNow() {
    List<OwnedProcess> all;
    stack.lock.lock();
    try {
      all = tree;
      process.ifPresent(Process::destroyForcibly);
    } finally {
      stack.lock.unlock();
    }
    all.forEach(OwnedProcess::kill);
  }

  private void live() {
    Duration pause = FIRST_PAUSE;
    try {
      while (awaitTurn()) {
        Instant started = Instant.now();
        runOnce();
        if (stack.isClosed()) {
          return;
        }
        if (isWanted()) {
          pause =
              Duration.between(started, Instant.now()).compareTo(STEADY) > 0 ? FIRST_PAUSE : pause;
          rest(pause);
          pause =
              pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0
                  ? LONGEST_PAUSE
                  : pause.multipliedBy(2);
        } else {
          pause = FIRST_PAUSE;
          enter(PartState.STOPPED, detail);
        }
      }
    } catch (InterruptedException unexpected) {
      throw new IllegalStateException("nobody interrupts " + thread, unexpected);
    }
  }

  /** Waits until the part is wanted and what it needs has run. False when the stack closes. */
  private boolean awaitTurn() throws InterruptedException {
    stack.await(FOREVER, () -> stack.isClosed() || (wanted && stack.haveRun(part.startAfter())));
    return !stack.isClosed();
  }

  private void rest(Duration pause) throws InterruptedException {
    stack.lock.lock();
    try {
      restarts++;
    } finally {
      stack.lock.unlock();
    }
    boolean cutShort = stack.await(pause, () -> !wanted || stack.isClosed());
    if (cutShort) {
      stack.journal(part, "not started again");
    }
  }

  /** From the start of a process to its end. */
  private void runOnce() throws InterruptedException {
    enter(PartState.STARTING, detail);
    Process started;
    try {
      started = Spawner.spawn(part.launch().prepare(), part.log());
    } catch (IOException | RuntimeException failed) {
      enter(PartState.RESTARTING, Optional.of("cannot be started: " + failed.getMessage()));
      return;
    }
    stack.lock.lock();
    try {
      process = Optional.of(started);
    } finally {
      stack.lock.unlock();
    }
    if (!isWanted()) {
      started.destroyForcibly();
    }
    rememberTree(started);
    stack.journal(part, "started, pid " + started.pid());
    if (becomesHealthy(started) && isSetUp(started)) {
      watch(started);
    }
    int exit = started.waitFor();
    killNow();
    awaitGone();
    part.health().release();
    String how = exit > 128 ? "ended by signal " + (exit - 128) : "exited with code " + exit;
    stack.journal(part, how);
    stack.lock.lock();
    try {
      process = Optional.empty();
      tree = List.of();
    } finally {
      stack.lock.unlock();
    }
    if (exit == 0 && part.ends() == Part.Ends.WHEN_DONE) {
      enter(PartState.FINISHED, Optional.of("did what it had to at " + now()));
      stack.await(FOREVER, () -> !wanted || stack.isClosed());
    } else if (isWanted()) {
      enter(PartState.RESTARTING, Optional.of(how + " at " + now() + ", see " + part.log()));
    } else {
      enter(PartState.STOPPED, Optional.of(how));
    }
  }

  private static Instant now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS);
  }

  private boolean becomesHealthy(Process started) throws InterruptedException {
    long begin = System.nanoTime();
    while (started.isAlive()) {
      Optional<String> problem = part.health().problem();
      rememberTree(started);
      if (problem.isEmpty()) {
        return true;
      }
      if (System.nanoTime() - begin > USUAL_START.toNanos()) {
        enter(PartState.STARTING, problem);
      }
      if (started.waitFor(POLL_STARTING.toMillis(), TimeUnit.MILLISECONDS)) {
        return false;
      }
    }
    return false;
  }

  /** Puts in place what the part must hold, trying again while the process lives. */
  private boolean isSetUp(Process started) throws InterruptedException {
    enter(PartState.PREPARING, Optional.empty());
    boolean ready = false;
    while (started.isAlive() && !ready) {
      ready = stack.await(Duration.ofSeconds(1), () -> stack.haveRun(part.setUpAfter()));
    }
    while (started.isAlive()) {
      try {
        part.setUp().run();
        return true;
      } catch (IOException | RuntimeException failed) {
        stack.journal(part, "cannot be set up yet: " + failed);
        enter(PartState.PREPARING, Optional.of("cannot be set up yet: " + failed.getMessage()));
        if (started.waitFor(2, TimeUnit.SECONDS)) {
          return false;
        }
      }
    }
    return false;
  }

  private void watch(Process started) throws InterruptedException {
    enter(PartState.RUNNING, Optional.empty());
    while (!started.waitFor(POLL_RUNNING.toMillis(), TimeUnit.MILLISECONDS)) {
      rememberTree(started);
      Logs.keepBounded(part.log());
      Optional<String> problem = part.health().problem();
      if (started.isAlive()) {
        enter(problem.isEmpty() ? PartState.RUNNING : PartState.UNHEALTHY, problem);
      }
    }
  }

  /**
   * Remembers the process and its descendants while they are related: once a launcher is dead,
   * nothing but this list says that the server which it started is ours.
   */
  private void rememberTree(Process started) {
    List<OwnedProcess> now =
        Stream.concat(Stream.of(started.toHandle()), started.descendants())
            .flatMap(handle -> OwnedProcess.of(handle.pid()).stream())
            .toList();
    stack.lock.lock();
    try {
      tree =
          Stream.concat(now.stream(), tree.stream().filter(OwnedProcess::isAlive))
              .distinct()
              .toList();
    } finally {
      stack.lock.unlock();
    }
  }

  /** A killed process holds its ports and locks until the kernel is done with it. */
  private void awaitGone() throws InterruptedException {
    List<OwnedProcess> all;
    stack.lock.lock();
    try {
      all = tree;
    } finally {
      stack.lock.unlock();
    }
    for (int turn = 0; turn < 500 && all.stream().anyMatch(OwnedProcess::isAlive); turn++) {
      Thread.sleep(10);
    }
  }

  private boolean isWanted() {
    stack.lock.lock();
    try {
      return wanted && !stack.isClosed();
    } finally {
      stack.lock.unlock();
    }
  }

  private void enter(PartState next, Optional<String> why) {
    stack.lock.lock();
    try {
      boolean news = next != state || !why.equals(detail);
      if (next != state) {
        since = Instant.now();
      }
      state = next;
      detail = why;
      hasRun |= next.isGood();
      stack.changed.signalAll();
      if (news) {
        stack.journal(part, next.word() + why.map(text -> ": " + text).orElse(""));
      }
    } finally {
      stack.lock.unlock();
    }
  }
}
