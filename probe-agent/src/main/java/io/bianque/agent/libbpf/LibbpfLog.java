package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.function.Supplier;

/**
 * The end of what libbpf prints during a call: the only place where it says why something failed,
 * the verifier's own words included.
 *
 * <p>libbpf calls back on the thread that called it, so what it prints is kept by thread.
 */
final class LibbpfLog {
  private static final int KEPT = 4096;
  private static final long VA_LIST = 32;
  private static final long DEBUG = 2;

  private static final ThreadLocal<LibbpfLog> CURRENT = new ThreadLocal<>();

  private final StringBuilder text = new StringBuilder();

  static {
    try {
      MemorySegment stub =
          Linker.nativeLinker()
              .upcallStub(
                  MethodHandles.lookup()
                      .findStatic(
                          LibbpfLog.class,
                          "print",
                          MethodType.methodType(long.class, long.class, long.class, long.class)),
                  FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                  Arena.global());
      Libbpf.libbpf_set_print(stub.address());
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  /** Runs a call and keeps what libbpf prints during it, in place of what it printed before. */
  <T> T during(Supplier<T> call) {
    text.setLength(0);
    LibbpfLog outer = CURRENT.get();
    CURRENT.set(this);
    try {
      return call.get();
    } finally {
      CURRENT.set(outer);
    }
  }

  /** What was printed during the last call, its last 4 kB. */
  String text() {
    return text.toString().strip();
  }

  private void add(String line) {
    text.append(withoutMemlockHint(line));
    if (text.length() > KEPT) {
      text.delete(0, text.length() - KEPT);
    }
  }

  /**
   * On EPERM libbpf advises to raise the limit on locked memory, which kernels since 5.11 do not
   * look at: what is missing is a capability.
   */
  private static String withoutMemlockHint(String line) {
    if (line.contains("ulimit -l")) {
      return "";
    }
    return line.replace(" and/or that RLIMIT_MEMLOCK is set to big enough value", "")
        .replace("libbpf: ", "");
  }

  /** int print(enum libbpf_print_level, const char *format, va_list). */
  static long print(long level, long format, long arguments) {
    LibbpfLog log = CURRENT.get();
    if ((int) level >= DEBUG || log == null) {
      return 0;
    }
    try (Arena arena = Arena.ofConfined()) {
      log.add(format(format, arguments, arena));
    } catch (RuntimeException | Error broken) {
      // An exception must not leave an upcall: it would end the process.
      log.add("(a message of libbpf could not be read: " + broken + ")\n");
    }
    return 0;
  }

  /**
   * The verifier's log comes as one message of up to 16 MB, of which the end matters: formatted
   * once for its length, then in full. Formatting uses up the va_list, hence the copy; it is 24
   * bytes on x86-64, 32 on aarch64.
   */
  private static String format(long format, long arguments, Arena arena) {
    MemorySegment original = MemorySegment.ofAddress(arguments).reinterpret(VA_LIST);
    MemorySegment copy = arena.allocate(VA_LIST, Long.BYTES).copyFrom(original);
    int length = Libc.vsnprintf(0, 0, format, copy.address());
    if (length <= 0) {
      return "";
    }
    MemorySegment message = arena.allocate(length + 1L);
    Libc.vsnprintf(message.address(), length + 1L, format, arguments);
    long from = Math.max(0, length - KEPT);
    return new String(message.asSlice(from, length - from).toArray(JAVA_BYTE), UTF_8);
  }
}
