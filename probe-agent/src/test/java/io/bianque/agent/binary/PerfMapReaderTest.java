package io.bianque.agent.binary;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.agent.binary.PerfMapReader.TooLarge;
import io.bianque.agent.encode.CodeNames;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.List;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PerfMapReaderTest {
  private static final long MOST = 1 << 20;

  /** A line of a map. */
  record Function(long begin, int size, String name) {
    String line() {
      return "%x %x %s\n".formatted(begin, size, name);
    }

    boolean overlaps(Function other) {
      return begin < other.begin + other.size && other.begin < begin + size;
    }

    boolean covers(long address) {
      return begin <= address && address < begin + size;
    }
  }

  private static PerfMapReader.Result read(byte[] file) throws IOException {
    return PerfMapReader.read(new ByteArrayInputStream(file), MOST, MOST);
  }

  private static PerfMapReader.Result read(String file) throws IOException {
    return read(file.getBytes(UTF_8));
  }

  /** Null: it has none. */
  private static String name(PerfMap map, long address) {
    byte[] out = new byte[8 + CodeNames.MOST_BYTES];
    int length = map.copyName(address, out, 8);
    return length == 0 ? null : new String(out, 8, length, UTF_8);
  }

  @Test
  void aFunctionIsNamedFromItsFirstByteToItsLast() throws IOException {
    PerfMap map = read("0x00007fd42c59f700 0x00000000000001e8 void Burn.leaf()\n").map();

    assertThat(name(map, 0x7fd42c59f6ffL)).isNull();
    assertThat(name(map, 0x7fd42c59f700L)).isEqualTo("void Burn.leaf()");
    assertThat(name(map, 0x7fd42c59f8e7L)).isEqualTo("void Burn.leaf()");
    assertThat(name(map, 0x7fd42c59f8e8L)).isNull();
    assertThat(name(map, -1)).isNull();
    assertThat(name(PerfMap.EMPTY, 0x7fd42c59f700L)).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "name",
        "1000 10",
        "1000 10 ",
        "1000 10  ",
        "1000\t10\tname",
        "1000 0 name",
        "1000 -1 name",
        "1000 80000000 name",
        "-1000 10 name",
        "100g 10 name",
        "0x 10 name",
        "8000000000000000 10 name",
        "7fffffffffffffff 10 name",
        "10000000000000000 10 name",
        " 1000 10 name"
      })
  void whatIsNoLineOfAMapIsLeftOutAndCounted(String line) throws IOException {
    PerfMapReader.Result result = read("2000 10 before\n" + line + "\n3000 10 behind\n");

    assertThat(result.skipped()).isEqualTo(1);
    assertThat(result.map().functions()).isEqualTo(2);
    assertThat(name(result.map(), 0x2000)).isEqualTo("before");
    assertThat(name(result.map(), 0x3000)).isEqualTo("behind");
  }

  @Test
  void aLineThatIsJustBeingWrittenIsLeftForLater() throws IOException {
    PerfMapReader.Result result = read("1000 10 whole\n2000 10 hal");

    assertThat(name(result.map(), 0x1000)).isEqualTo("whole");
    assertThat(name(result.map(), 0x2000)).isNull();
    assertThat(result.skipped()).isZero();
  }

  @Test
  void namesAreCutBetweenTwoCharacters() throws IOException {
    String euro = "€".repeat(100);
    PerfMap map =
        read("1000 10 " + "n".repeat(100_000) + "\n2000 10 " + euro + "\n3000 10 short\n").map();

    assertThat(name(map, 0x1000)).isEqualTo("n".repeat(CodeNames.MOST_BYTES));
    assertThat(name(map, 0x2000)).isEqualTo("€".repeat(CodeNames.MOST_BYTES / 3));
    assertThat(name(map, 0x3000)).isEqualTo("short");
  }

  @Test
  void whatATerminalWouldObeyIsMadeVisible() throws IOException {
    PerfMap map = read("1000 10 a\u001b[2Jb\u009bc\r\n2000 10 Grüße\n").map();

    assertThat(name(map, 0x1000)).isEqualTo("a?[2Jb?c?");
    assertThat(name(map, 0x2000)).isEqualTo("Grüße");
  }

  /** The code of the older was freed. */
  @Test
  void ofTwoThatOverlapTheLaterLineHolds() throws IOException {
    PerfMap map = read("1000 100 old\n1080 10 new\n2000 10 old\n1ff0 100 new\n").map();

    assertThat(name(map, 0x1080)).isEqualTo("new");
    assertThat(name(map, 0x1000)).isNull();
    assertThat(name(map, 0x1090)).isNull();
    assertThat(name(map, 0x2000)).isEqualTo("new");
    assertThat(map.functions()).isEqualTo(2);
  }

  @Test
  void aFileThatIsTooLargeIsRefused() throws IOException {
    String line = "1000 10 name\n";

    assertThatThrownBy(() ->
            PerfMapReader.read(
                new ByteArrayInputStream(line.getBytes(UTF_8)), line.length() - 1, MOST))
        .isInstanceOf(TooLarge.class);
    assertThatThrownBy(() ->
            PerfMapReader.read(
                new ByteArrayInputStream(line.repeat(100).getBytes(UTF_8)), MOST, 1000))
        .isInstanceOf(TooLarge.class);
    String most = "1 1 n\n".repeat(PerfMapReader.MOST_FUNCTIONS);
    assertThat(read(most, Long.MAX_VALUE).functions()).isEqualTo(1);
    assertThatThrownBy(() -> read(most + "1 1 n\n", Long.MAX_VALUE)).isInstanceOf(TooLarge.class);
  }

  private static PerfMap read(String file, long most) throws IOException {
    return PerfMapReader.read(new ByteArrayInputStream(file.getBytes(UTF_8)), most, most).map();
  }

  @Property
  void functionsApartAreAllFound(@ForAll("apart") List<Function> functions) throws IOException {
    PerfMap map = read(lines(functions)).map();

    assertThat(map.functions()).isEqualTo(functions.size());
    assertThat(map.bytes()).isLessThanOrEqualTo(MOST);
    for (Function each : functions) {
      assertThat(name(map, each.begin)).isEqualTo(each.name);
      assertThat(name(map, each.begin + each.size - 1)).isEqualTo(each.name);
    }
  }

  /** Unless something took it from that line as well. */
  @Property
  void anAddressHasNoNameThatALaterLineTookFromIt(@ForAll("overlapping") List<Function> functions)
      throws IOException {
    PerfMap map = read(lines(functions)).map();

    for (long address = 0; address < 0x200; address++) {
      String name = name(map, address);
      boolean found = false;
      for (int i = 0; name != null && i < functions.size(); i++) {
        Function each = functions.get(i);
        if (each.covers(address) && found) {
          assertThat(functions.subList(i + 1, functions.size())).anyMatch(each::overlaps);
        }
        found |= each.covers(address) && each.name.equals(name);
      }
      assertThat(found).isEqualTo(name != null);
    }
    Function last = functions.getLast();
    assertThat(name(map, last.begin)).isEqualTo(last.name);
    assertThat(name(map, last.begin + last.size - 1)).isEqualTo(last.name);
  }

  @Property
  void whateverIsWrittenNamesAreShortAndPrintable(@ForAll("garbage") byte[] file)
      throws IOException, CharacterCodingException {
    PerfMap map = read(file).map();

    for (long address = 0; address < 0x1000; address++) {
      byte[] out = new byte[CodeNames.MOST_BYTES];
      int length = map.copyName(address, out, 0);
      String name = UTF_8.newDecoder().decode(ByteBuffer.wrap(out, 0, length)).toString();
      assertThat(name.codePoints()).noneMatch(Character::isISOControl);
    }
  }

  private static String lines(List<Function> functions) {
    return functions.stream().map(Function::line).collect(Collectors.joining());
  }

  /** In any order. */
  @Provide
  Arbitrary<List<Function>> apart() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 1 << 20),
            Arbitraries.integers().between(1, 0x1000),
            Arbitraries.strings().alpha().ofMinLength(1).ofMaxLength(300))
        .as((slot, size, name) ->
            new Function(
                0x7f00_0000_0000L + slot * 0x1000,
                size,
                name.substring(0, Math.min(name.length(), CodeNames.MOST_BYTES))))
        .list()
        .uniqueElements(Function::begin)
        .ofMaxSize(100);
  }

  @Provide
  Arbitrary<List<Function>> overlapping() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 0x100),
            Arbitraries.integers().between(1, 0x80),
            Arbitraries.strings().alpha().ofLength(8))
        .as(Function::new)
        .list()
        .uniqueElements(Function::name)
        .ofMinSize(1)
        .ofMaxSize(20);
  }

  /** Now and then a line of a map. */
  @Provide
  Arbitrary<byte[]> garbage() {
    Arbitrary<byte[]> name = Arbitraries.bytes().array(byte[].class).ofMaxSize(600);
    return Combinators.combine(Arbitraries.of("", "10 20 ", "0x100 0x10 ", "f00 "), name)
        .as((start, rest) -> {
          byte[] line = new byte[start.length() + rest.length + 1];
          System.arraycopy(start.getBytes(UTF_8), 0, line, 0, start.length());
          System.arraycopy(rest, 0, line, start.length(), rest.length);
          line[line.length - 1] = '\n';
          return line;
        })
        .list()
        .ofMaxSize(5)
        .map(lines -> {
          int length = lines.stream().mapToInt(each -> each.length).sum();
          ByteBuffer all = ByteBuffer.allocate(length);
          lines.forEach(all::put);
          return all.array();
        });
  }
}
