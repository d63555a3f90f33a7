package io.bianque.agent.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Runs a probe's loaded programs with recorded hardware errors. */
public final class RasRecord {
  private final String program;

  private RasRecord(Path program) {
    this.program = program.toString();
  }

  /** Compiles what it needs into a folder. */
  public static RasRecord in(Path folder) {
    Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/cc")), "needs a C compiler");
    Path program = folder.resolve("ras_record");
    Path source = folder.resolve("ras_record.c");
    try (InputStream in = RasRecord.class.getResourceAsStream("ras_record.c")) {
      Files.copy(in, source);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Commands.run("", "cc", "-O2", "-o", program.toString(), source.toString());
    return new RasRecord(program);
  }

  /**
   * Runs the program of the tracepoint.
   *
   * @param record memory, firmware or arm
   */
  public void replay(String record) {
    Commands.run("", program, record);
  }
}
