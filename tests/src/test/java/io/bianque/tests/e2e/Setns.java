package io.bianque.tests.e2e;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** setns(2): a thread of this JVM in another network namespace. */
final class Setns {
  private static final int O_RDONLY = 0;
  private static final int CLONE_NEWNET = 0x40000000;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final MethodHandle OPEN =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("open"),
          FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle SETNS =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("setns"),
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("close"), FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private Setns() {}

  /**
   * Calls it on a thread of its own, which enters the named namespace and ends with the call: a
   * thread's namespace is its own, and no other code may meet it.
   */
  static <T> T call(String namespace, Callable<T> work) throws Exception {
    FutureTask<T> task =
        new FutureTask<>(() -> {
          enter(namespace);
          return work.call();
        });
    Thread.ofPlatform().name("in " + namespace).daemon().start(task);
    try {
      return task.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    } catch (InterruptedException e) {
      task.cancel(true);
      throw e;
    }
  }

  private static void enter(String namespace) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment path = arena.allocateFrom("/run/netns/" + namespace);
      int fd = (int) OPEN.invokeExact(path, O_RDONLY);
      if (fd < 0
          || (int) SETNS.invokeExact(fd, CLONE_NEWNET) != 0
          || (int) CLOSE.invokeExact(fd) != 0) {
        throw new IllegalStateException("cannot enter the network namespace " + namespace);
      }
    } catch (RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
