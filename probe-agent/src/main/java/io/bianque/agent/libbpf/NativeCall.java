package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The one way into C: six longs in, one long out, errno beside it.
 *
 * <p>Start-up time and memory of the foreign API follow the number of distinct call shapes, not of
 * functions (40 typed handles cost 120 ms and 9 MB more than this one). On x86-64 and aarch64 the
 * first six integer or pointer arguments travel in registers of 64 bits, so a function that takes
 * fewer or narrower ones, or variadic ones, finds exactly what it looks for. What it does not look
 * at does not matter; of a result narrower than a long only the low bits count, which the callers
 * in {@link Libc} and {@link Libbpf} know.
 */
final class NativeCall {
  private static final MethodHandle CALL =
      Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.of(
                  JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
              Linker.Option.captureCallState("errno"));

  private static final long ERRNO_OFFSET =
      Linker.Option.captureStateLayout().byteOffset(PathElement.groupElement("errno"));

  /** errno as it was behind the thread's last call; one a thread. */
  private static final ThreadLocal<MemorySegment> STATE =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout()));

  private NativeCall() {}

  static long call(MemorySegment function, long... arguments) {
    long[] a = arguments.length == 6 ? arguments : java.util.Arrays.copyOf(arguments, 6);
    try {
      return (long) CALL.invokeExact(function, STATE.get(), a[0], a[1], a[2], a[3], a[4], a[5]);
    } catch (Throwable impossible) {
      // A downcall itself throws nothing but for a wrong type, which is a mistake in this class.
      throw new LinkageError("native call", impossible);
    }
  }

  /** errno of this thread's last {@link #call}; meaningful only when that says it failed. */
  static int errno() {
    return STATE.get().get(JAVA_INT, ERRNO_OFFSET);
  }

  /** The C string at an address. */
  static String string(long address) {
    return MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
  }
}
