package io.bianque.agent.host;

import io.bianque.facts.Module;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The loaded kernel modules, with where their text lies. */
final class Modules {
  private static final long PAGE = 4096;

  private Modules() {}

  /**
   * Modules whose base can be read. {@code lastSymbols} has the highest text symbol of each.
   *
   * @throws HostException when sysfs cannot be listed
   */
  static List<Module> read(HostRoot host, Map<String, Long> lastSymbols) {
    List<Module> modules = new ArrayList<>();
    for (String line : host.text("proc/modules").stream().flatMap(String::lines).toList()) {
      String name = line.substring(0, Math.max(0, line.indexOf(' ')));
      Optional<Long> base = address(host, "sys/module/" + name + "/sections/.text");
      if (!name.isEmpty() && base.isPresent()) {
        String buildId =
            host.bytes("sys/module/" + name + "/notes/.note.gnu.build-id")
                .flatMap(BuildId::find)
                .orElse(null);
        long size = size(host, name, base.get(), lastSymbols.getOrDefault(name, base.get()));
        modules.add(new Module(name, buildId, base.get(), size));
      }
    }
    return modules;
  }

  /**
   * Bytes from .text's begin to the end of the pages that hold the module's code. Sysfs gives where
   * each section begins but not where one ends, so the end is taken from what begins behind the
   * code: the module's next part begins on a page of its own, be it the read-only data of the same
   * allocation (before 6.4) or the next allocation, a guard page further (since then).
   *
   * <p>When no part of the module lies behind its code within the module's size, the code ends with
   * the page in which its last symbol begins. What that symbol's function has beyond it then stays
   * without a name, which is better than giving the frames of a BPF program that lies there to this
   * module.
   */
  private static long size(HostRoot host, String name, long base, long lastSymbol) {
    long whole =
        host.text("sys/module/" + name + "/coresize").map(Long::parseLong).orElse(Long.MAX_VALUE);
    long end = Long.MAX_VALUE;
    for (long section : sections(host, name)) {
      boolean behind = section > lastSymbol && section - base < whole;
      if (behind && section % PAGE == 0 && section < end) {
        end = section;
      }
    }
    return (end == Long.MAX_VALUE ? (lastSymbol & -PAGE) + PAGE : end) - base;
  }

  private static List<Long> sections(HostRoot host, String name) {
    Path folder = host.path("sys/module/" + name + "/sections");
    List<Long> addresses = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        if (isFreedAfterLoading(file.getFileName().toString())) {
          continue;
        }
        address(host, "sys/module/" + name + "/sections/" + file.getFileName())
            .ifPresent(addresses::add);
      }
    } catch (IOException e) {
      // Gone since /proc/modules was read: its symbols are gone as well.
      return List.of();
    }
    return addresses;
  }

  /** Sysfs goes on saying where these were; another module may lie there since. */
  private static boolean isFreedAfterLoading(String section) {
    return section.startsWith(".init") || section.equals(".symtab") || section.equals(".strtab");
  }

  /**
   * As sysfs prints it, {@code 0xffffffffc049c000}; zeros, which stand for a hidden address, are
   * none.
   */
  private static Optional<Long> address(HostRoot host, String file) {
    return host.text(file)
        .filter(text -> text.matches("0x[0-9a-f]{1,16}"))
        .map(text -> Long.parseUnsignedLong(text.substring(2), 16))
        .filter(address -> address != 0);
  }
}
