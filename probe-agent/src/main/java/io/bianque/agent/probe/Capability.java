package io.bianque.agent.probe;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/** The rights of a process that decide what it may do with BPF. */
public enum Capability {
  /** Everything that BPF and PERFMON allow; what kernels before 5.8 ask for. */
  SYS_ADMIN(21),
  /** To read kernel addresses from /proc/kallsyms. */
  SYSLOG(34),
  /** To attach to tracepoints and read kernel memory. */
  PERFMON(38),
  /** To load programs and create maps. */
  BPF(39);

  private static final Path STATUS = Path.of("/proc/self/status");

  /** Number in include/uapi/linux/capability.h. */
  private final int number;

  Capability(int number) {
    this.number = number;
  }

  /** Those that this process has in effect. */
  public static Set<Capability> ofThisProcess() {
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith("CapEff:")) {
          return of(Long.parseUnsignedLong(line.substring("CapEff:".length()).strip(), 16));
        }
      }
      return EnumSet.noneOf(Capability.class);
    } catch (IOException e) {
      throw new UncheckedIOException(STATUS + " cannot be read", e);
    }
  }

  private static Set<Capability> of(long bits) {
    Set<Capability> held = EnumSet.noneOf(Capability.class);
    for (Capability capability : values()) {
      if ((bits >>> capability.number & 1) != 0) {
        held.add(capability);
      }
    }
    return held;
  }
}
