package io.bianque.agent.testing;

import java.nio.file.Path;

/** A BPF file system of a test's own; what is pinned there goes with it. */
public final class BpfMount implements AutoCloseable {
  private final Path folder;

  private BpfMount(Path folder) {
    this.folder = folder;
  }

  /** Mounts one on a folder that is there. */
  public static BpfMount on(Path folder) {
    Commands.run("", "mount", "-t", "bpf", "bpf", folder.toString());
    return new BpfMount(folder);
  }

  public Path folder() {
    return folder;
  }

  @Override
  public void close() {
    Commands.run("", "umount", folder.toString());
  }
}
