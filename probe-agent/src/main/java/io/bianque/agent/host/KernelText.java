package io.bianque.agent.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Where the code of this boot's kernel lies. */
sealed interface KernelText {

  /**
   * It is known.
   *
   * @param text from {@code _text} to {@code _etext}
   * @param initText from {@code _sinittext} to {@code _einittext}
   * @param lastSymbols by module, the highest address of its text symbols
   */
  record Known(Range text, Optional<Range> initText, Map<String, Long> lastSymbols)
      implements KernelText {}

  /** From an address to the one behind it. */
  record Range(long begin, long end) {
    long size() {
      return end - begin;
    }
  }

  /** It cannot be known; the reason names what to grant. */
  record Hidden(String reason) implements KernelText {}

  int CAP_SYSLOG = 34;

  /** One pass over /proc/kallsyms. */
  static KernelText read(HostRoot host) {
    Path file = host.path("proc/kallsyms");
    if (!Files.exists(file)) {
      return new Hidden(file + " does not exist: this kernel is built without CONFIG_KALLSYMS");
    }
    Bounds bounds = new Bounds();
    try {
      KallsymsFile.read(file, bounds);
    } catch (IOException e) {
      return new Hidden(file + " cannot be read: " + e.getMessage());
    }
    Optional<Range> text = range(bounds.begin, bounds.end);
    if (text.isPresent()) {
      return new Known(text.get(), range(bounds.initBegin, bounds.initEnd), bounds.lastSymbols);
    }
    if (!bounds.sawBegin || !bounds.sawEnd) {
      return new Hidden(file + " has no symbol " + (bounds.sawBegin ? "_etext" : "_text"));
    }
    return new Hidden(whyZero(host));
  }

  private static Optional<Range> range(long begin, long end) {
    return begin != 0 && Long.compareUnsigned(end, begin) > 0
        ? Optional.of(new Range(begin, end))
        : Optional.empty();
  }

  private static String whyZero(HostRoot host) {
    String restrict = host.text("proc/sys/kernel/kptr_restrict").orElse("unknown");
    if (restrict.equals("2")) {
      return "kernel.kptr_restrict = 2 hides kernel addresses from everyone: set it to 1 (sysctl -w"
          + " kernel.kptr_restrict=1) and give the agent CAP_SYSLOG";
    }
    if (!hasCapSyslog(host)) {
      return "the agent lacks CAP_SYSLOG (kernel.kptr_restrict = "
          + restrict
          + "): add AmbientCapabilities=CAP_SYSLOG to its systemd unit, or SYSLOG to its container's"
          + " capabilities";
    }
    return "/proc/kallsyms shows zeros although the agent has CAP_SYSLOG and kernel.kptr_restrict = "
        + restrict
        + ": a security module or the user namespace hides kernel addresses";
  }

  private static boolean hasCapSyslog(HostRoot host) {
    return host.text("proc/self/status").stream()
        .flatMap(String::lines)
        .filter(line -> line.startsWith("CapEff:"))
        .map(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
        .anyMatch(effective -> (effective >>> CAP_SYSLOG & 1) != 0);
  }

  /** Collects where each text begins and ends, and each module's last symbol. */
  final class Bounds implements KallsymsFile.Visitor {
    private long begin;
    private long end;
    private long initBegin;
    private long initEnd;
    private boolean sawBegin;
    private boolean sawEnd;
    private String module = "";
    private final Map<String, Long> lastSymbols = new HashMap<>();

    @Override
    public void line(KallsymsFile.Line line) {
      if (line.inModule()) {
        if (line.isText() && line.address() != 0) {
          if (!line.inModule(module)) {
            module = line.module();
          }
          lastSymbols.merge(
              module, line.address(), (a, b) -> Long.compareUnsigned(a, b) > 0 ? a : b);
        }
      } else if (line.isNamed("_text")) {
        begin = line.address();
        sawBegin = true;
      } else if (line.isNamed("_etext")) {
        end = line.address();
        sawEnd = true;
      } else if (line.isNamed("_sinittext")) {
        initBegin = line.address();
      } else if (line.isNamed("_einittext")) {
        initEnd = line.address();
      }
    }
  }
}
