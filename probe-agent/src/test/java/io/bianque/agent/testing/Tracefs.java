package io.bianque.agent.testing;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** The file system without which libbpf attaches to no classic tracepoint. */
public final class Tracefs {
  private static final Path MOUNT = Path.of("/sys/kernel/tracing");
  private static final int CLONE_FS = 0x200;
  private static final int CLONE_NEWNS = 0x20000;
  private static final long MS_REC_PRIVATE = 1 << 14 | 1 << 18;

  private Tracefs() {}

  /**
   * Runs something on a thread that sees tracefs where it belongs, whether this machine has it
   * mounted or not; a mount that is made is the thread's own and goes with it.
   */
  public static <T> T mounted(Callable<T> action) throws Exception {
    FutureTask<T> task =
        new FutureTask<>(() -> {
          if (!Files.isDirectory(MOUNT.resolve("events"))) {
            mount();
          }
          return action.call();
        });
    Thread.ofPlatform().name("tracefs").daemon().start(task);
    try {
      return task.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw e;
    }
  }

  private static void mount() {
    NativeThread.require("unshare", CLONE_FS | CLONE_NEWNS);
    try (Arena arena = Arena.ofConfined()) {
      long none = arena.allocateFrom("none").address();
      long root = arena.allocateFrom("/").address();
      NativeThread.require("mount", none, root, 0, MS_REC_PRIVATE, 0);
      long type = arena.allocateFrom("tracefs").address();
      long target = arena.allocateFrom(MOUNT.toString()).address();
      NativeThread.require("mount", type, target, type, 0, 0);
    }
  }
}
