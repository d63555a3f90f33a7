package io.bianque.agent.binary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.facts.Symbol;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The tables of Go's runtime. */
@Timeout(60)
class GoTableTest {
  /** A stripped program that Debian has built with Go. */
  private static final Path PODMAN = Path.of("/usr/bin/podman");

  private static final int TEXT = 0x401000;

  @TempDir Path folder;

  /** What it was told, with ends of functions as they follow from their sizes. */
  private static final class Told implements ElfFile.Functions {
    private final List<String> functions = new ArrayList<>();

    @Override
    public void function(long offset, long size, String name) {
      functions.add("%s %x-%x".formatted(name, offset, offset + size));
    }

    @Override
    public void border(long offset) {}

    @Override
    public boolean isFull() {
      return functions.size() >= 1000;
    }
  }

  /**
   * Of main.main and main.work, and the end of the second; 200 bytes before it that are none of it.
   */
  private static ByteBuffer table(int version) {
    ByteBuffer table = ByteBuffer.allocate(400).order(ByteOrder.LITTLE_ENDIAN);
    table.position(200);
    table.putInt(version).put(new byte[] {0, 0, 1, 8}).putLong(2).putLong(0).putLong(TEXT);
    table.putLong(72).putLong(0).putLong(0).putLong(0).putLong(100);
    table.put("main.main\0main.work\0".getBytes(StandardCharsets.US_ASCII));
    table.position(300);
    table.putInt(0).putInt(20).putInt(0x40).putInt(28).putInt(0x60);
    table.position(320);
    return table.putInt(0).putInt(0).putInt(0x40).putInt(10).position(0);
  }

  private List<String> functions(ByteBuffer table) throws IOException {
    byte[] all = new byte[table.limit()];
    table.get(0, all);
    Path file = Files.write(folder.resolve("table"), all);
    Told told = new Told();
    try (FileBytes bytes = new FileBytes(file)) {
      GoTable.functions(bytes, 200, table.limit(), address -> address - TEXT + 0x1000, told);
    }
    return told.functions;
  }

  @Test
  void functionsEndWhereTheNextBegins() throws IOException {
    for (int version : new int[] {0xfffffff0, 0xfffffff1}) {
      assertThat(functions(table(version)))
          .containsExactly("main.main 1000-1040", "main.work 1040-1060");
    }
  }

  @Test
  void aTableOfAnotherVersionTellsNothing() throws IOException {
    assertThat(functions(table(0xfffffffb))).isEmpty();
  }

  @Test
  void aProgramThatTheLoaderMovesTellsNothingWrong() throws IOException {
    assertThat(functions(table(0xfffffff1).putLong(200 + 24, 0))).isEmpty();
  }

  @Test
  void bytesThatWereChangedAreReadOrRefused() {
    Random random = new Random(4711);
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      ByteBuffer table = table(0xfffffff1);
      table.put(206 + random.nextInt(140), (byte) random.nextInt(256));
      try {
        assertThat(functions(table).size()).isLessThanOrEqualTo(1000);
      } catch (IOException e) {
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void functionsOfAStrippedProgramBeginWhereGosFunctionsDo() throws IOException {
    assumeTrue(Files.exists(PODMAN), "podman is not installed");
    Map<String, Long> offsets = new HashMap<>();
    try (ElfFile elf = ElfFile.open(PODMAN)) {
      TableChunks chunks =
          new TableChunks(
              "id",
              "user",
              "podman",
              chunk -> {
                for (Symbol symbol : chunk.getSymbols()) {
                  offsets.put(symbol.getName(), symbol.getOffset());
                }
              });
      elf.functions(chunks);
      chunks.finish();
    }

    assertThat(offsets).hasSizeGreaterThan(10_000);
    try (RandomAccessFile file = new RandomAccessFile(PODMAN.toFile(), "r")) {
      for (String function : List.of("main.main", "runtime.main", "fmt.Fprintf")) {
        byte[] code = new byte[4];
        file.seek(offsets.get(function));
        file.readFully(code);
        // cmp 0x10(%r14),%rsp: whether the goroutine's stack has room
        assertThat(code).as(function).isEqualTo(new byte[] {0x49, 0x3b, 0x66, 0x10});
      }
    }
  }
}
