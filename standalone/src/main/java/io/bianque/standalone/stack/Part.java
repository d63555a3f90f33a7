package io.bianque.standalone.stack;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * One process of the stack.
 *
 * @param url where a client reaches it
 * @param startAfter parts that must have run once before this one's process is started
 * @param setUpAfter parts that must have run once before {@code setUp}
 * @param ends what its end means
 * @param grace how long it may take to end after SIGTERM before it is killed
 */
public record Part(
    String name,
    String version,
    URI url,
    Path log,
    Set<String> startAfter,
    Set<String> setUpAfter,
    Duration grace,
    Ends ends,
    Launch launch,
    Health health,
    SetUp setUp) {

  public Part {
    startAfter = Set.copyOf(startAfter);
    setUpAfter = Set.copyOf(setUpAfter);
  }

  /** This part in a stack that does not have the named ones, so that it does not wait for them. */
  public Part without(Set<String> absent) {
    return new Part(
        name,
        version,
        url,
        log,
        minus(startAfter, absent),
        minus(setUpAfter, absent),
        grace,
        ends,
        launch,
        health,
        setUp);
  }

  private static Set<String> minus(Set<String> names, Set<String> absent) {
    return names.stream().filter(name -> !absent.contains(name)).collect(Collectors.toSet());
  }

  /** What it means that the process ends by itself. */
  public enum Ends {
    /** It should not: another is started. */
    NEVER,
    /** With exit code 0, that its task is done. */
    WHEN_DONE
  }

  /** Writes the files the process needs and says how to start it. Called before each start. */
  @FunctionalInterface
  public interface Launch {
    Command prepare() throws IOException;
  }

  /**
   * Asks the process for real. Called from one thread at a time; must return within a few seconds.
   */
  @FunctionalInterface
  public interface Health {
    /** What is wrong, or empty when the part does its work. */
    Optional<String> problem();

    /** Lets go of what it keeps from question to question: its process has ended. */
    default void release() {}
  }

  /**
   * Puts in place what the part must hold (topics, schemas, templates). Idempotent: called after
   * each start.
   */
  @FunctionalInterface
  public interface SetUp {
    void run() throws IOException, InterruptedException;

    SetUp NOTHING = () -> {};
  }
}
