package io.bianque.tests.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The root folder of a guest, built from this machine's own programs and libraries, so that the
 * guest runs the same binaries. It belongs to one thread.
 */
final class GuestRoot {
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final Pattern LIBRARY = Pattern.compile("(?m)(/\\S+) \\(0x[0-9a-f]+\\)$");

  private final Path root;

  private GuestRoot(Path root) {
    this.root = root;
  }

  /** An empty one, to lie over another. */
  static GuestRoot over(Path folder) {
    try {
      return new GuestRoot(Files.createDirectories(folder.resolve("over")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A root with busybox as its tools and a bash (for its /dev/tcp and /dev/udp), below {@code
   * folder}.
   */
  static GuestRoot in(Path folder) {
    try {
      Path root = Files.createDirectories(folder.resolve("root"));
      for (String empty : List.of("proc", "sys", "dev", "run", "tmp", "results", "etc")) {
        Files.createDirectories(root.resolve(empty));
      }
      for (String merged : List.of("bin", "sbin", "lib", "lib64")) {
        Files.createDirectories(root.resolve("usr").resolve(merged));
        Files.createSymbolicLink(root.resolve(merged), Path.of("usr", merged));
      }
      Files.createSymbolicLink(root.resolve("var"), Path.of("tmp"));
      Files.writeString(root.resolve("etc/hosts"), "127.0.0.1 localhost guest\n::1 localhost\n");
      Files.writeString(root.resolve("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
      Files.writeString(root.resolve("etc/nsswitch.conf"), "hosts: files\n");
      GuestRoot guest = new GuestRoot(root);
      return guest.program("busybox").program("bash").program("sh");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A program of this machine with the libraries it is linked to, at the same path. */
  GuestRoot program(String name) {
    for (String folder : List.of("/usr/sbin", "/usr/bin", "/sbin", "/bin")) {
      Path program = Path.of(folder, name);
      if (Files.isExecutable(program)) {
        copy(program);
        libraries(program);
        return this;
      }
    }
    throw new IllegalStateException("this machine has no " + name);
  }

  /** A shared library that is opened by name, with those it needs. */
  GuestRoot library(String name) {
    Path library = Path.of("/usr/lib/x86_64-linux-gnu", name);
    copy(library);
    libraries(library);
    return this;
  }

  /** A folder of this machine with all it holds, links kept. */
  GuestRoot folder(Path source, String target) {
    Path destination = root.resolve(target);
    try {
      Files.createDirectories(destination.getParent());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Tool.run(LIMIT, root, List.of("cp", "-a", source.toString(), destination.toString()));
    return this;
  }

  /** Takes a file out that a folder brought with it. */
  GuestRoot without(String path) {
    try {
      Files.delete(root.resolve(path));
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The Java that runs this, in /jre. Not a smaller one: the agent's AOT cache holds for exactly
   * this one, and without it an agent in a guest needs twice the time to start.
   */
  GuestRoot javaRuntime() {
    Path home = Path.of(System.getProperty("java.home"));
    Tool.run(
        LIMIT,
        root,
        List.of(
            "sh",
            "-c",
            "mkdir jre && tar -C '"
                + home
                + "' -c --exclude=src.zip --exclude=ct.sym --exclude='*.jsa' bin/java conf lib release"
                + " | tar -C jre -x"));
    libraries(home.resolve("bin/java"));
    libraries(home.resolve("lib/server/libjvm.so"));
    libraries(home.resolve("lib/libnio.so"));
    return this;
  }

  /** A text file; executable if {@code path} is /init or ends in .sh. */
  GuestRoot text(String path, String content) {
    try {
      Path file = root.resolve(path);
      Files.createDirectories(file.getParent());
      Files.writeString(file, content);
      if (path.equals("init") || path.endsWith(".sh")) {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A C program, compiled statically, in /bin: a guest has only the libraries of its programs. */
  GuestRoot compiled(String name, String source) {
    try {
      Path file = Files.writeString(root.resolveSibling(name + ".c"), source);
      Tool.run(
          LIMIT,
          root.getParent(),
          List.of(
              "clang",
              "-static",
              "-O2",
              "-Wall",
              "-Werror",
              "-o",
              root.resolve("bin").resolve(name).toString(),
              file.toString()));
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Modules in /modules, and /modules/order with their names in the order to load them in. */
  GuestRoot modules(Collection<Path> modules) {
    try {
      Path folder = Files.createDirectories(root.resolve("modules"));
      StringBuilder order = new StringBuilder();
      for (Path module : modules) {
        Files.copy(
            module, folder.resolve(module.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        order.append(module.getFileName()).append('\n');
      }
      Files.writeString(folder.resolve("order"), order);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The whole as an uncompressed initramfs. */
  Path pack(Path initramfs) {
    Tool.run(
        LIMIT,
        root,
        List.of("sh", "-c", "find . -print0 | cpio -o -0 -H newc --quiet > '" + initramfs + "'"));
    return initramfs;
  }

  /** An initramfs of what {@code below} holds and this over it. */
  Path packOver(Path below, Path initramfs) {
    // The kernel unpacks one archive after the other.
    Path own = pack(root.resolveSibling("over.cpio"));
    Tool.run(
        LIMIT,
        root,
        List.of("sh", "-c", "cat '" + below + "' '" + own + "' > '" + initramfs + "'"));
    return initramfs;
  }

  private void libraries(Path binary) {
    Path javaHome = Path.of(System.getProperty("java.home"));
    Matcher library = LIBRARY.matcher(ldd(binary));
    while (library.find()) {
      Path path = Path.of(library.group(1));
      if (!path.normalize().startsWith(javaHome)) {
        copy(path);
      }
    }
  }

  private String ldd(Path binary) {
    // ldd fails on a static program, which is no failure here.
    return Tool.run(LIMIT, root.getParent(), List.of("sh", "-c", "ldd '" + binary + "' || true"));
  }

  /** Copies to the same path, links followed. */
  private void copy(Path source) {
    Path target = root.resolve(source.toString().substring(1));
    try {
      Files.createDirectories(target.getParent());
      // It may stand there already: as a busybox applet, or needed by another program.
      Files.copy(
          source, target, StandardCopyOption.COPY_ATTRIBUTES, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
