package io.bianque.streams.symbol;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.symbol.SymbolTable.Entry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class SymbolTableTest {
  private static final SymbolTable TABLE =
      SymbolTable.of(
          List.of(
              new Entry(0x100, "first"),
              new Entry(0x200, "never_returns"),
              new Entry(0x240, "next")));

  @Test
  void aFrameIsFunctionAndOffset() {
    assertThat(TABLE.frame(0x210, false)).isEqualTo("never_returns+0x10");
    assertThat(TABLE.frame(0x200, false)).isEqualTo("never_returns+0x0");
  }

  @Test
  void aReturnAddressBehindTheLastCallOfAFunctionIsThatFunctions() {
    assertThat(TABLE.frame(0x240, true)).isEqualTo("never_returns+0x40");
    assertThat(TABLE.frame(0x240, false)).isEqualTo("next+0x0");
    // And again, from what is remembered.
    assertThat(TABLE.frame(0x240, true)).isEqualTo("never_returns+0x40");
    assertThat(TABLE.frame(0x240, false)).isEqualTo("next+0x0");
  }

  @Test
  void beforeTheFirstFunctionThereIsNone() {
    assertThat(TABLE.frame(0xff, false)).isNull();
    assertThat(TABLE.frame(0x100, true)).isNull();
    assertThat(SymbolTable.of(List.of()).frame(5, false)).isNull();
  }

  @Test
  void ofSeveralNamesThePlainestIsShownWhateverTheirOrder() {
    List<Entry> entries =
        new ArrayList<>(
            List.of(
                new Entry(0, "__memcpy"),
                new Entry(0, "memcpy"),
                new Entry(0, "memcpy.isra.0"),
                new Entry(0, "memmove_"),
                new Entry(0, "_text")));
    for (int i = 0; i < 20; i++) {
      Collections.shuffle(entries, new Random(i));
      assertThat(SymbolTable.of(entries).frame(0, false)).isEqualTo("memcpy+0x0");
    }
  }

  @Test
  void keepsNamesThatAreNotAscii() {
    assertThat(
            SymbolTable.of(List.of(new Entry(0, "rust_größe"), new Entry(8, "x"))).frame(3, false))
        .isEqualTo("rust_größe+0x3");
  }

  @Property
  void findsWhatASearchThroughAllFinds(
      @ForAll("entries") List<Entry> entries, @ForAll @LongRange(max = 600) long offset) {
    SymbolTable.Hit hit = SymbolTable.of(entries).find(offset);
    long begin =
        entries.stream().mapToLong(Entry::offset).filter(o -> o <= offset).max().orElse(-1);
    if (begin < 0) {
      assertThat(hit).isNull();
    } else {
      assertThat(hit.into()).isEqualTo(offset - begin);
      assertThat(entries).contains(new Entry(begin, hit.name()));
    }
  }

  @Property
  void anyOrderMakesTheSameTable(
      @ForAll("entries") List<Entry> entries,
      @ForAll Random random,
      @ForAll @LongRange(max = 600) long offset) {
    List<Entry> shuffled = new ArrayList<>(entries);
    Collections.shuffle(shuffled, random);
    entries.sort(Comparator.comparing(Entry::name));
    assertThat(SymbolTable.of(shuffled).frame(offset, true))
        .isEqualTo(SymbolTable.of(entries).frame(offset, true));
  }

  @Provide
  Arbitrary<List<Entry>> entries() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 500),
            Arbitraries.strings().withChars("ab_.").ofMinLength(1).ofMaxLength(4))
        .as(Entry::new)
        .list()
        .ofMaxSize(60)
        .map(ArrayList::new);
  }
}
