package io.bianque.agent.testing;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * System calls that change what the calling thread sees of the machine, or that Java has none for.
 */
final class NativeThread {
  private static final int CLONE_NEWNET = 0x40000000;
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final MethodHandle CALL =
      LINKER.downcallHandle(
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
          ERRNO);
  private static final long ERRNO_OFFSET =
      Linker.Option.captureStateLayout().byteOffset(PathElement.groupElement("errno"));

  private NativeThread() {}

  /** The calling thread's network is from now on that of the namespace: it should end soon. */
  static void enter(Path namespace) {
    try (Arena arena = Arena.ofConfined()) {
      long fd = require("open", arena.allocateFrom(namespace.toString()).address(), 0);
      require("setns", fd, CLONE_NEWNET);
      require("close", fd);
    }
  }

  /** The call's result, which must not be negative. */
  static int require(String function, long... arguments) {
    int result = call(function, arguments);
    if (result < 0) {
      throw new IllegalStateException(function + ": errno " + -result);
    }
    return result;
  }

  /** The call's result; {@code -errno} when it failed. */
  static int call(String function, long... arguments) {
    long[] a = java.util.Arrays.copyOf(arguments, 6);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
      MemorySegment symbol = LINKER.defaultLookup().findOrThrow(function);
      int result = (int) (long) CALL.invokeExact(symbol, state, a[0], a[1], a[2], a[3], a[4], a[5]);
      return result < 0 ? -state.get(JAVA_INT, ERRNO_OFFSET) : result;
    } catch (Throwable e) {
      throw new LinkageError(function, e);
    }
  }
}
