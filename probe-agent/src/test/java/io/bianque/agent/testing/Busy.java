package io.bianque.agent.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** The program of the QEMU tests that keeps a CPU in kernel code. */
public final class Busy {
  private static final Path SOURCE =
      Path.of("../tests/src/test/resources/io/bianque/tests/qemu/native/busy.c");

  private final String program;

  private Busy(Path program) {
    this.program = program.toString();
  }

  /** Compiles it into a folder. */
  public static Busy in(Path folder) {
    Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/cc")), "needs a C compiler");
    Path program = folder.resolve("busy");
    Commands.run("", "cc", "-O2", "-o", program.toString(), SOURCE.toString());
    return new Busy(program);
  }

  /** Some CPU has its interrupts off for so long, which must be too short to harm anything. */
  public void interruptsOff(int milliseconds) {
    if (milliseconds > 50) {
      throw new IllegalArgumentException(milliseconds + " ms is too long for a machine in use");
    }
    Commands.run("", program, "irqs-off", Integer.toString(milliseconds));
  }
}
