package io.bianque.standalone;

/** What the commands' exit codes mean; docs/operating.md has the same table. */
final class ExitCode {
  static final int OK = 0;

  /** Something was tried and failed. */
  static final int FAILED = 1;

  /** The command line is wrong; picocli's own code for it. */
  static final int USAGE = 2;

  /** This machine lacks something. */
  static final int MACHINE = 3;

  /** The command needs a running stack. */
  static final int NOT_RUNNING = 4;

  private ExitCode() {}
}
