package io.bianque.agent.probe;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.libbpf.BpfException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What to do about a refusal, as far as its errno and the machine's state tell. */
final class Remedy {
  private static final Path TRACEFS = Path.of("/sys/kernel/tracing/events");
  private static final Path DEBUGFS = Path.of("/sys/kernel/debug/tracing/events");

  private Remedy() {}

  /** Empty when it is not known. */
  static Optional<String> of(String section, BpfException refused) {
    return of(section, refused.errnoName(), Capability.ofThisProcess());
  }

  private static Optional<String> of(String section, String errno, Set<Capability> held) {
    List<String> missing = missing(held);
    if ((errno.equals("EPERM") || errno.equals("EACCES")) && !missing.isEmpty()) {
      return Optional.of("grant " + String.join(" and ", missing) + ", or run as root");
    }
    if (!Files.exists(Btf.KERNEL)) {
      return Optional.of(
          "this kernel does not describe its types: boot one with CONFIG_DEBUG_INFO_BTF=y");
    }
    boolean tracepoint = section.startsWith("tp/") || section.startsWith("tracepoint/");
    if (tracepoint && !Files.isDirectory(TRACEFS) && !Files.isDirectory(DEBUGFS)) {
      return Optional.of("mount -t tracefs tracefs /sys/kernel/tracing");
    }
    return switch (errno) {
      case "EPERM" ->
          Optional.of(
              "this kernel does not allow this kind of program (lockdown or an LSM): another"
                  + " variant has to do");
      case "ENOENT", "ESRCH" -> Optional.of("this kernel has no such hook");
      case "ENOMEM" -> Optional.of("raise the memory limit of the agent's cgroup");
      default -> Optional.empty();
    };
  }

  private static List<String> missing(Set<Capability> held) {
    List<String> missing = new ArrayList<>();
    if (!held.contains(Capability.SYS_ADMIN)) {
      for (Capability needed : List.of(Capability.BPF, Capability.PERFMON)) {
        if (!held.contains(needed)) {
          missing.add("CAP_" + needed);
        }
      }
    }
    return missing;
  }
}
