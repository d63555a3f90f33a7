package io.bianque.agent.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;

/** A program in C whose main() calls middle(), which calls leaf(), for ever. */
public final class Program {
  private static final String SOURCE =
      """
      volatile unsigned long count;

      __attribute__((noinline)) void leaf(void)
      {
      	for (int i = 0; i < 1000000; i++)
      		count++;
      }

      __attribute__((noinline)) void middle(void)
      {
      	leaf();
      	count++;
      }

      int main(void)
      {
      	for (;;)
      		middle();
      }
      """;

  private Program() {}

  /** Compiles it, with frame pointers and a build id. */
  public static Path compile(Path folder, String... flags) throws IOException {
    Path source = folder.resolve("burn.c");
    Path program = folder.resolve("burn");
    Files.writeString(source, SOURCE);
    List<String> command =
        // Optimized, a function that calls none has no frame, whatever is said of frame pointers.
        new ArrayList<>(List.of("clang", "-O0", "-Wl,--build-id", "-o"));
    command.add(program.toString());
    command.add(source.toString());
    command.addAll(Arrays.asList(flags));
    var _ = Commands.run("", command.toArray(String[]::new));
    return program;
  }

  /** Where the linker has put a function. */
  public static long address(Path program, String function) {
    return Commands.run("", "nm", program.toString())
        .lines()
        .filter(line -> line.endsWith(" " + function))
        .mapToLong(line -> Long.parseLong(line, 0, line.indexOf(' '), 16))
        .findFirst()
        .orElseThrow();
  }

  /** The first four bytes of a function's code, as objdump finds them. */
  public static byte[] code(Path program, String function) {
    long address = address(program, function);
    String dump =
        Commands.run(
            "",
            "objdump",
            "-s",
            "--start-address=" + address,
            "--stop-address=" + (address + 4),
            program.toString());
    // The last lines, one or two: " 401126 554889 e5   UH..".
    String code =
        dump.lines()
            .filter(line -> line.startsWith(" "))
            .map(line -> line.strip().split("  ", 2)[0])
            .map(line -> line.substring(line.indexOf(' ')))
            .collect(Collectors.joining());
    return HexFormat.of().parseHex(code.replace(" ", ""));
  }
}
