package io.bianque.standalone.part;

import io.bianque.standalone.stack.Layout;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A BPF file system of the stack's own, on which the agent pins its probes: they go on while it is
 * restarted, and end with the mount.
 */
public final class PinMount {

  private static final String TYPE = "bpf";

  private PinMount() {}

  /** The folder to pin in; empty, with what was said, where none can be mounted. */
  static Optional<Path> open(Layout layout) throws IOException {
    Path folder = folder(layout);
    Files.createDirectories(folder);
    if (!isMounted(folder) && !run("mount", "-t", TYPE, TYPE, folder.toString())) {
      return Optional.empty();
    }
    return Optional.of(folder.resolve("bianque"));
  }

  /** Takes every pinned probe out of the kernel. */
  public static void close(Layout layout) throws IOException {
    Path folder = folder(layout);
    if (Files.isDirectory(folder) && isMounted(folder) && !run("umount", folder.toString())) {
      throw new IOException(folder + " cannot be unmounted: probes stay in the kernel");
    }
  }

  private static Path folder(Layout layout) {
    return layout.of(Agent.NAME).resolve("pins");
  }

  private static boolean isMounted(Path folder) throws IOException {
    return Files.getFileStore(folder).type().equals(TYPE);
  }

  private static boolean run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      int code = process.waitFor();
      if (code != 0) {
        System.err.println(String.join(" ", command) + ": " + output.strip());
      }
      return code == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
