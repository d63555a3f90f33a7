package io.bianque.tests.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A small disk: a tmpfs, mounted as long as it is open. */
record Tmpfs(Path folder) implements AutoCloseable {

  static Tmpfs mount(Path folder, String size) throws IOException {
    Files.createDirectories(folder);
    run("mount", "-t", "tmpfs", "-o", "size=" + size, "bianque-test", folder.toString());
    return new Tmpfs(folder);
  }

  /** Fills it to its last byte, by a file of that name. */
  Path fill(String name) throws IOException {
    Path filler = folder.resolve(name);
    byte[] page = new byte[4096];
    try (var out = Files.newOutputStream(filler)) {
      while (true) {
        out.write(page);
      }
    } catch (IOException full) {
      if (folder.toFile().getUsableSpace() > 0) {
        throw full;
      }
    }
    return filler;
  }

  @Override
  public void close() throws IOException {
    run("umount", "--lazy", folder.toString());
  }

  private static void run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.onExit().join().exitValue() != 0) {
      throw new IOException(List.of(command) + ": " + said.strip());
    }
  }
}
