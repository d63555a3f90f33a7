package io.bianque.standalone.machine;

import io.bianque.standalone.live.StackState.Source;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Looks whether this machine can run the stack. */
public final class Machine {

  private static final long NEEDED_MEMORY = 3L << 30;
  private static final long NEEDED_DISK = 4L << 30;

  /** Bits of capabilities(7) in CapEff. */
  private static final long CAP_SYS_ADMIN = 1L << 21;

  private static final long CAP_PERFMON = 1L << 38;
  private static final long CAP_BPF = 1L << 39;

  private Machine() {}

  /** What is wrong, each with its remedy; empty when all is well. */
  public static List<String> problems(Layout layout, Ports ports, Source source)
      throws IOException {
    List<String> problems = new ArrayList<>();
    if (source == Source.LIVE) {
      checkKernel(problems);
    }
    long memory = kilobytes(Path.of("/proc/meminfo"), "MemAvailable:") * 1024;
    if (memory < NEEDED_MEMORY) {
      problems.add(
          "only %.1f GiB of memory are available; the stack needs %.0f GiB. End something, or use a larger machine."
              .formatted(memory / (double) (1L << 30), NEEDED_MEMORY / (double) (1L << 30)));
    }
    Files.createDirectories(layout.data());
    long disk = Files.getFileStore(layout.data()).getUsableSpace();
    if (disk < NEEDED_DISK) {
      problems.add(
          "only %.1f GiB are free below %s; the stack needs %.0f GiB. Free some, or name another folder in BIANQUE_DATA."
              .formatted(
                  disk / (double) (1L << 30), layout.data(), NEEDED_DISK / (double) (1L << 30)));
    }
    checkPorts(problems, ports);
    return problems;
  }

  private static void checkKernel(List<String> problems) throws IOException {
    if (!Files.isReadable(Path.of("/sys/kernel/btf/vmlinux"))) {
      problems.add(
          "this kernel describes no types of its own (/sys/kernel/btf/vmlinux is missing): one built with"
              + " CONFIG_DEBUG_INFO_BTF is needed (Debian's are). Without: ./bianque up --source recorded");
    }
    long effective = Long.parseUnsignedLong(field(Path.of("/proc/self/status"), "CapEff:"), 16);
    boolean allowed =
        (effective & CAP_SYS_ADMIN) != 0
            || ((effective & CAP_BPF) != 0 && (effective & CAP_PERFMON) != 0);
    if (!allowed) {
      problems.add(
          "loading BPF programs needs root, or the capabilities CAP_BPF and CAP_PERFMON (and CAP_SYSLOG for symbols)."
              + " Run it with sudo; without such rights: ./bianque up --source recorded");
    }
  }

  private static void checkPorts(List<String> problems, Ports ports) {
    boolean any = false;
    for (var port : ports.all().entrySet()) {
      if (!Ports.isFree(port.getKey())) {
        any = true;
        problems.add(
            "port %d (%s) is in use by %s"
                .formatted(
                    port.getKey(),
                    port.getValue(),
                    PortOwner.of(port.getKey()).orElse("a process that cannot be seen from here")));
      }
    }
    if (any) {
      problems.add(
          String.format(
              Locale.ROOT,
              "end that process, or choose another range of ports: ./bianque up --port-base %d",
              ports.base() + 1000));
    }
  }

  private static long kilobytes(Path file, String name) throws IOException {
    return Long.parseLong(field(file, name).replaceAll("\\D", ""));
  }

  private static String field(Path file, String name) throws IOException {
    return Files.readAllLines(file).stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(name.length()).strip())
        .findFirst()
        .orElseThrow(() -> new IOException(file + " has no " + name));
  }
}
