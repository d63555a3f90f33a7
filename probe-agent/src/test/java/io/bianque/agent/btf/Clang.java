package io.bianque.agent.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Compiles C for BPF while a test runs, so that the BTF it reads is the compiler's own. */
public final class Clang {
  private static final String TYPES =
      """
      typedef unsigned char __u8;
      typedef unsigned short __u16;
      typedef unsigned int __u32;
      typedef unsigned long long __u64;
      typedef signed char __s8;
      typedef short __s16;
      typedef int __s32;
      typedef long long __s64;
      """;

  private Clang() {}

  /** Skips the test when there is no clang. */
  public static Path compile(Path folder, String c, String... options)
      throws IOException, InterruptedException {
    assumeTrue(isThere(), "clang is not installed: apt-get install clang");
    Path source = Files.writeString(folder.resolve("x.bpf.c"), TYPES + c);
    Path object = folder.resolve("x.bpf.o");
    ProcessBuilder command =
        new ProcessBuilder("clang", "-target", "bpf", "-g", "-O2", "-c").redirectErrorStream(true);
    command.command().addAll(List.of(options));
    command.command().addAll(List.of(source.toString(), "-o", object.toString()));
    Process clang = command.start();
    String said = new String(clang.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(clang.waitFor()).as(said).isZero();
    return object;
  }

  private static boolean isThere() throws InterruptedException {
    try {
      Process clang = new ProcessBuilder("clang", "--version").redirectErrorStream(true).start();
      clang.getInputStream().readAllBytes();
      return clang.waitFor(20, TimeUnit.SECONDS) && clang.exitValue() == 0;
    } catch (IOException e) {
      return false;
    }
  }
}
