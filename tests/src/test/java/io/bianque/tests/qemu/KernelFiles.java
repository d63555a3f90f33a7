package io.bianque.tests.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An unpacked kernel package.
 *
 * @param release as uname -r gives it in the guest
 * @param image the compressed kernel
 * @param modules the folder that holds modules.dep and, below it, the modules
 */
record KernelFiles(String release, Path image, Path modules) {

  static KernelFiles of(Path root) {
    // Since trixie, modules are in /usr/lib.
    Path lib =
        Files.isDirectory(root.resolve("usr/lib/modules"))
            ? root.resolve("usr/lib")
            : root.resolve("lib");
    try (Stream<Path> releases = Files.list(lib.resolve("modules"))) {
      Path modules = releases.findFirst().orElseThrow();
      String release = modules.getFileName().toString();
      Duration limit = Duration.ofMinutes(1);
      // Since trixie they are compressed too, and busybox's insmod knows only plain ones.
      Tool.run(
          limit,
          root,
          List.of("find", modules.toString(), "-name", "*.ko.xz", "-exec", "xz", "-d", "{}", "+"));
      Tool.run(
          limit, root, List.of("busybox", "depmod", "-b", lib.getParent().toString(), release));
      return new KernelFiles(release, root.resolve("boot/vmlinuz-" + release), modules);
    } catch (IOException e) {
      throw new UncheckedIOException(root + " is no unpacked kernel package", e);
    }
  }

  /**
   * The named modules and what they need, each after those it needs. A module that this kernel has
   * built in, or not at all, is left out.
   */
  List<Path> withDependencies(List<String> names) {
    Map<String, List<String>> dependencies = new HashMap<>();
    Map<String, String> fileOf = new HashMap<>();
    try (Stream<String> lines = Files.lines(modules.resolve("modules.dep"))) {
      lines.forEach(line -> {
        String[] halves = line.split(":", 2);
        dependencies.put(
            halves[0], Stream.of(halves[1].strip().split(" ")).filter(s -> !s.isEmpty()).toList());
        fileOf.put(name(halves[0]), halves[0]);
      });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    SequencedSet<String> ordered = new LinkedHashSet<>();
    names.stream()
        .map(fileOf::get)
        .filter(file -> file != null)
        .forEach(file -> visit(file, dependencies, ordered));
    return ordered.stream().map(modules::resolve).collect(Collectors.toCollection(ArrayList::new));
  }

  private static void visit(
      String file, Map<String, List<String>> dependencies, SequencedSet<String> ordered) {
    if (!ordered.contains(file)) {
      dependencies
          .getOrDefault(file, List.of())
          .forEach(needed -> visit(needed, dependencies, ordered));
      ordered.add(file);
    }
  }

  private static String name(String file) {
    String name = file.substring(file.lastIndexOf('/') + 1);
    return name.substring(0, name.indexOf(".ko")).replace('-', '_');
  }
}
