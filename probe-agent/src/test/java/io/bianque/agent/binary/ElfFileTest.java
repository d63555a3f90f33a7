package io.bianque.agent.binary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.agent.testing.Program;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs that a compiler makes, as they are and broken. */
@Timeout(120)
class ElfFileTest {
  private static final String BUILD_ID = "00112233445566778899aabbccddeeff00112233";

  @TempDir Path folder;

  private static Path broken(Path file, byte[] bytes) throws IOException {
    return Files.write(file.resolveSibling("broken"), bytes);
  }

  private static List<SymbolChunk> chunks(Path program) throws IOException {
    List<SymbolChunk> sent = new ArrayList<>();
    try (ElfFile elf = ElfFile.open(program)) {
      TableChunks chunks = new TableChunks(elf.buildId().orElse("none"), "user", "burn", sent::add);
      elf.functions(chunks);
      chunks.finish();
    }
    return sent;
  }

  /** What is shown at each offset: the last symbol at or before it. */
  private static NavigableMap<Long, String> table(Path program) throws IOException {
    NavigableMap<Long, String> table = new TreeMap<>();
    for (SymbolChunk chunk : chunks(program)) {
      for (Symbol symbol : chunk.getSymbols()) {
        table.merge(symbol.getOffset(), symbol.getName(), (a, b) -> a.isEmpty() ? b : a);
      }
    }
    return table;
  }

  private static long offsetOf(NavigableMap<Long, String> table, String function) {
    return table.entrySet().stream()
        .filter(each -> each.getValue().equals(function))
        .findFirst()
        .orElseThrow()
        .getKey();
  }

  /** The bytes of an instruction stream are the same in the file as objdump finds them. */
  @ParameterizedTest
  @ValueSource(strings = {"-pie", "-no-pie", "-static"})
  void functionsLieWhereTheirCodeIsInTheFile(String link) throws Exception {
    Path program = Program.compile(folder, link);

    NavigableMap<Long, String> table = table(program);

    byte[] file = Files.readAllBytes(program);
    for (String function : List.of("leaf", "middle", "main")) {
      int offset = (int) offsetOf(table, function);
      assertThat(Arrays.copyOfRange(file, offset, offset + 4))
          .as(function)
          .isEqualTo(Program.code(program, function));
    }
  }

  @Test
  void aFunctionEndsWhereItEndsAndNotWhereTheNextBegins() throws Exception {
    Path program = Program.compile(folder);
    NavigableMap<Long, String> table = table(program);

    long main = offsetOf(table, "main");

    assertThat(table.higherEntry(main).getValue()).isEmpty();
    // The linker's own code before .text is none of _init, which has no size.
    assertThat(table.floorEntry(offsetOf(table, "_start") - 1).getValue()).isEmpty();
  }

  @Test
  void strippedOfItsSymbolsAProgramHasThoseThatItExports() throws Exception {
    Path program = Program.compile(folder, "-rdynamic", "-s");

    assertThat(table(program).values())
        .contains("leaf", "middle", "main")
        .doesNotContain("frame_dummy");
  }

  @Test
  void withoutAnySymbolsTheTableSaysThatThereAreNone() throws Exception {
    Path program = Program.compile(folder, "-s");

    assertThat(chunks(program))
        .hasSize(1)
        .allSatisfy(chunk -> assertThat(chunk.getLast()).isTrue());
    assertThat(table(program).values()).containsOnly("");
  }

  @Test
  void aShortBuildIdIsFollowedByZerosAsTheKernelReadsIt() throws Exception {
    try (ElfFile elf = ElfFile.open(Program.compile(folder, "-Wl,--build-id=0xabcdef01"))) {
      assertThat(elf.buildId()).contains("abcdef01" + "0".repeat(32));
    }
    try (ElfFile elf = ElfFile.open(Program.compile(folder, "-Wl,--build-id=0x" + BUILD_ID))) {
      assertThat(elf.buildId()).contains(BUILD_ID);
    }
    try (ElfFile elf =
        ElfFile.open(Program.compile(folder, "-Wl,--build-id=0x" + BUILD_ID + "00"))) {
      assertThat(elf.buildId()).as("longer than the kernel takes").isEmpty();
    }
    try (ElfFile elf = ElfFile.open(Program.compile(folder, "-Wl,--build-id=none"))) {
      assertThat(elf.buildId()).isEmpty();
    }
  }

  @Test
  void whatIsNoProgramIsRefused() {
    assertThatThrownBy(() -> ElfFile.open(Files.write(folder.resolve("empty"), new byte[0])))
        .isInstanceOf(MalformedFile.class);
    assertThatThrownBy(() ->
            ElfFile.open(Files.writeString(folder.resolve("text"), "#!/bin/sh\n".repeat(100))))
        .isInstanceOf(MalformedFile.class)
        .hasMessageContaining("no 64-bit little-endian ELF file");
  }

  @Test
  void aFileThatWasCutIsReadOrRefused() throws Exception {
    Path program = Program.compile(folder);
    byte[] whole = Files.readAllBytes(program);
    int refused = 0;
    for (int length = 0; length < whole.length; length += length < 4096 ? 1 : 97) {
      refused += read(broken(program, Arrays.copyOf(whole, length)));
    }
    assertThat(refused).isGreaterThan(4000);
  }

  @Test
  void bytesThatWereChangedAreReadOrRefused() throws Exception {
    Path program = Program.compile(folder, "-static", "-s", "-rdynamic");
    byte[] whole = Files.readAllBytes(Program.compile(folder));
    Random random = new Random(4711);
    for (int i = 0; i < 3000; i++) {
      byte[] changed = whole.clone();
      int count = 1 + random.nextInt(8);
      for (int n = 0; n < count; n++) {
        changed[place(whole, random)] = (byte) random.nextInt(256);
      }
      int _ = read(broken(program, changed));
    }
  }

  /** In the header, in the program headers, in the section headers, or anywhere. */
  private static int place(byte[] elf, Random random) {
    int sections = (int) ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN).getLong(0x28);
    return switch (random.nextInt(4)) {
      case 0 -> random.nextInt(64);
      case 1 -> 64 + random.nextInt(56 * 13);
      case 2 -> sections + random.nextInt(elf.length - sections);
      default -> random.nextInt(elf.length);
    };
  }

  /** 1: refused. */
  private static int read(Path file) {
    try {
      var _ = chunks(file);
      return 0;
    } catch (IOException refused) {
      return 1;
    }
  }

  /** Sparse: it takes no room on the disk, and would take hours to read. */
  @Test
  void aTableOfATerabyteIsGivenUp() throws Exception {
    Path program = Program.compile(folder);
    long size = 1L << 40;
    ByteBuffer elf = ByteBuffer.wrap(Files.readAllBytes(program)).order(ByteOrder.LITTLE_ENDIAN);
    int sections = (int) elf.getLong(0x28);
    for (int i = 0; i < elf.getShort(0x3c); i++) {
      int at = sections + i * 64;
      if (elf.getInt(at + 4) == 2) {
        elf.putLong(at + 0x18, 1 << 20).putLong(at + 0x20, size - (1 << 20));
      }
    }
    try (RandomAccessFile large = new RandomAccessFile(program.toFile(), "rw")) {
      large.setLength(size);
      large.write(elf.array());
    }

    long begin = System.nanoTime();
    assertThatThrownBy(() -> chunks(program)).isInstanceOf(MalformedFile.class);
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(60));
  }

  /** All of them say that they lie in one table of names, which is one name without end. */
  @Test
  void namesWithoutEndFillNoMemory() throws Exception {
    Path program = Program.compile(folder);
    byte[] names = "x".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
    int count = 200_000;
    ByteBuffer elf =
        ByteBuffer.allocate((int) Files.size(program) + names.length + count * 24)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(Files.readAllBytes(program));
    int namesAt = elf.position();
    int symbolsAt = namesAt + names.length;
    elf.put(names);
    long text = Program.address(program, "main");
    for (int i = 0; i < count; i++) {
      elf.putInt(0).put((byte) 2).put((byte) 0).putShort((short) 1).putLong(text).putLong(1);
    }
    int sections = (int) elf.getLong(0x28);
    for (int i = 0; i < elf.getShort(0x3c); i++) {
      int at = sections + i * 64;
      if (elf.getInt(at + 4) == 2) {
        elf.putLong(at + 0x18, symbolsAt).putLong(at + 0x20, (long) count * 24);
        int strings = sections + elf.getInt(at + 0x28) * 64;
        elf.putLong(strings + 0x18, namesAt).putLong(strings + 0x20, names.length);
      }
    }
    Files.write(program, elf.array());

    List<SymbolChunk> chunks = chunks(program);

    long bytes = 0;
    for (SymbolChunk chunk : chunks) {
      for (Symbol symbol : chunk.getSymbols()) {
        assertThat(symbol.getName().length()).isLessThanOrEqualTo(511);
        bytes += symbol.getName().length();
      }
      assertThatCode(() -> assertThat(chunk.toByteBuffer().remaining()).isLessThan(600_000))
          .doesNotThrowAnyException();
    }
    assertThat(bytes).isLessThan(9 << 20);
  }

  @Test
  void namesThatWouldWriteToATerminalDoNot() {
    assertThat(TableChunks.printable("\u001b[2Jevil\n\u009b")).isEqualTo("?[2Jevil??");
    assertThat(TableChunks.printable("naïve")).isEqualTo("naïve");
  }
}
