package io.bianque.tests.qemu;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An unpacked kernel package.
 *
 * @param release as uname -r gives it in the guest
 * @param image the compressed kernel
 * @param modules the module files by name, dashes as underscores
 */
record KernelFiles(String release, Path image, Map<String, Path> modules) {
  private static final Pattern DEPENDS = Pattern.compile("\0depends=([^\0]*)\0");

  static KernelFiles of(Path root) {
    // Since trixie, modules are in /usr/lib.
    Path lib =
        Files.isDirectory(root.resolve("usr/lib/modules"))
            ? root.resolve("usr/lib/modules")
            : root.resolve("lib/modules");
    try (Stream<Path> releases = Files.list(lib)) {
      Path folder = releases.findFirst().orElseThrow();
      String release = folder.getFileName().toString();
      try (Stream<Path> files = Files.walk(folder)) {
        return new KernelFiles(
            release,
            root.resolve("boot/vmlinuz-" + release),
            files
                .filter(file -> file.getFileName().toString().contains(".ko"))
                .collect(Collectors.toMap(KernelFiles::name, file -> file, (a, _) -> a)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(root + " is no unpacked kernel package", e);
    }
  }

  /**
   * The named modules and what they need, each after those it needs. A module that this kernel has
   * built in, or not at all, is left out.
   */
  Collection<Path> withDependencies(List<String> names) {
    SequencedMap<String, Path> ordered = new LinkedHashMap<>();
    names.forEach(name -> visit(name.replace('-', '_'), ordered));
    return ordered.values();
  }

  private void visit(String name, SequencedMap<String, Path> ordered) {
    Path file = modules.get(name);
    if (file == null || ordered.containsKey(name)) {
      return;
    }
    Path plain = plain(file);
    try {
      Matcher depends = DEPENDS.matcher(Files.readString(plain, ISO_8859_1));
      if (depends.find()) {
        Stream.of(depends.group(1).split(",")).forEach(needed -> visit(name(needed), ordered));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    ordered.put(name, plain);
  }

  /** Since trixie modules are compressed, and busybox's insmod knows only plain ones. */
  private static Path plain(Path file) {
    if (!file.toString().endsWith(".xz")) {
      return file;
    }
    Path plain = Path.of(file.toString().substring(0, file.toString().length() - 3));
    if (!Files.exists(plain)) {
      Tool.run(Duration.ofMinutes(1), file.getParent(), List.of("xz", "-d", "-k", file.toString()));
    }
    return plain;
  }

  private static String name(Path file) {
    String name = file.getFileName().toString();
    return name(name.substring(0, name.indexOf(".ko")));
  }

  private static String name(String module) {
    return module.replace('-', '_');
  }
}
