package io.bianque.agent.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.facts.HostFacts;
import io.bianque.facts.Module;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KallsymsTest {
  private static final HostIdentity IDENTITY = new HostIdentity("h", "b", List.of());

  @TempDir Path folder;
  private RecordedHost recorded;

  @BeforeEach
  void aRecordedHost() throws IOException {
    recorded = new RecordedHost(folder);
  }

  @Test
  void sendsTheKernelsAndTheModulesTextRelativeToTheirBases() {
    assertThat(stream())
        .containsExactly(
            new SymbolChunk(
                RecordedHost.BUILD_ID,
                "vmlinux",
                0,
                true,
                List.of(
                    new Symbol(0L, "_stext"),
                    new Symbol(0L, "_text"),
                    new Symbol(0x70L, "secondary_startup_64"),
                    new Symbol(0x1f0L, "verify_cpu"),
                    new Symbol(0x7b1c40L, "weak_one"),
                    new Symbol(0x7b1c50L, "kfree_skb_reason")),
                null),
            new SymbolChunk(
                RecordedHost.BUILD_ID,
                "vmlinux.init",
                0,
                true,
                List.of(
                    new Symbol(0x2077000L, "_sinittext"),
                    new Symbol(0x2077544L, "x86_64_start_reservations"),
                    new Symbol(0x207759cL, "x86_64_start_kernel"),
                    new Symbol(0x2077e46L, "start_kernel")),
                null),
            new SymbolChunk(
                RecordedHost.VETH_BUILD_ID,
                "veth",
                0,
                true,
                List.of(
                    new Symbol(0L, "veth_dellink"),
                    new Symbol(0xa0L, "veth_xmit"),
                    new Symbol(0x18f0L, "veth_poll")),
                null));
  }

  /** Of agents of either kind on one build, whichever publishes last changes nothing. */
  @Test
  void theTableOfTheTextIsTheSameFromAnAgentThatDoesNotKnowOfInitText() {
    HostFacts facts = facts(recorded.host());
    facts.setInitTextAddress(null);
    facts.setInitTextSize(null);
    List<SymbolChunk> chunks = new ArrayList<>();

    new Kallsyms(recorded.host()).stream(facts, _ -> true, chunks::add);

    assertThat(chunks)
        .isEqualTo(stream().stream().filter(c -> !c.getObject().equals("vmlinux.init")).toList())
        .hasSize(2);
  }

  @Test
  void sendsNothingWhenAddressesAreHidden() throws IOException {
    recorded.put("proc/kallsyms", "0000000000000000 T _text\n0000000000000000 T _etext\n");

    assertThat(stream()).isEmpty();
  }

  @Test
  void numbersTheChunksOfATableAndMarksItsLast() throws IOException {
    for (int count : new int[] {4095, 4096, 4097, 8192}) {
      manySymbols(count);

      List<SymbolChunk> chunks =
          stream().stream().filter(each -> each.getObject().equals("vmlinux")).toList();

      int expected = (count + 4095) / 4096;
      assertThat(chunks).hasSize(expected);
      for (int i = 0; i < expected; i++) {
        assertThat(chunks.get(i).getChunk()).isEqualTo(i);
        assertThat(chunks.get(i).getLast()).isEqualTo(i == expected - 1);
      }
      assertThat(chunks.stream().mapToInt(c -> c.getSymbols().size()).sum()).isEqualTo(count);
    }
  }

  @Test
  void aModuleThatCameAfterTheFactsIsLeftOut() {
    HostFacts facts = facts(recorded.host());
    facts.setModules(List.<Module>of());
    List<SymbolChunk> chunks = new ArrayList<>();

    new Kallsyms(recorded.host()).stream(facts, _ -> true, chunks::add);

    assertThat(chunks)
        .extracting(SymbolChunk::getObject)
        .containsExactly("vmlinux", "vmlinux.init");
  }

  @Test
  void onlyWhatIsWanted() {
    List<SymbolChunk> chunks = new ArrayList<>();
    Set<String> wanted = Set.of(RecordedHost.VETH_BUILD_ID + "/veth", "another/vmlinux");

    new Kallsyms(recorded.host()).stream(facts(recorded.host()), wanted::contains, chunks::add);

    assertThat(chunks)
        .isEqualTo(stream().stream().filter(c -> c.getObject().equals("veth")).toList())
        .hasSize(1);
  }

  /** Or it would be asked for again and again. */
  @Test
  void aTableWithoutASymbolIsAChunkWithoutAny() {
    HostFacts facts = facts(recorded.host());
    facts.setModules(List.of(new Module("nothing", "aa55", 0x7000L, 0x1000L)));
    List<SymbolChunk> chunks = new ArrayList<>();

    new Kallsyms(recorded.host()).stream(facts, "aa55/nothing"::equals, chunks::add);

    assertThat(chunks)
        .containsExactly(new SymbolChunk("aa55", "nothing", 0, true, List.of(), null));
  }

  @Test
  void linesThatAreNoneAreLeftOut() throws IOException {
    recorded.put(
        "proc/kallsyms",
        RecordedHost.KALLSYMS
            + "\n \nzz T x\nffffffff9ce00001\nffffffff9ce00001 T\nffffffff9ce00001 T \n"
            + "00000ffffffff9ce00001 T too_wide\n"
            + "ffffffff9ce00002 T "
            + "x".repeat(40_000)
            + "\n"
            + "ffffffff9ce00003 T after_all_that\n"
            + "ffffffff9ce00004 T without_newline");

    List<String> names =
        stream().stream().flatMap(c -> c.getSymbols().stream()).map(Symbol::getName).toList();

    assertThat(names).contains("kfree_skb_reason", "veth_poll");
    assertThat(names).noneMatch(name -> name.matches("x+|too_wide"));
  }

  @Property(tries = 200)
  void anyBytesAreReadToTheirEnd(
      @ForAll @Size(max = 40_000) byte[] bytes, @ForAll @IntRange(max = 9) int repeat)
      throws IOException {
    Path file = Files.createTempFile("kallsyms", "");
    try {
      String text = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
      Files.writeString(file, text + RecordedHost.KALLSYMS.repeat(repeat));
      int[] veth = new int[1];
      KallsymsFile.read(
          file,
          line -> {
            assertThat(line.name()).isNotEmpty();
            veth[0] += line.isNamed("veth_xmit") && line.inModule("veth") ? 1 : 0;
          });
      assertThat(veth[0]).isEqualTo(repeat);
    } finally {
      Files.delete(file);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {Kallsyms.KERNEL, Kallsyms.KERNEL_INIT})
  void thisKernelsTablesAreWhole(String object) throws IOException {
    HostFacts facts = facts(HostRoot.SYSTEM);
    assumeTrue(facts.getTextAddress() != null, facts.getSymbolsHiddenBecause());
    boolean init = object.equals(Kallsyms.KERNEL_INIT);
    long base = facts.getTextAddress();
    long begin = init ? facts.getInitTextAddress() : base;
    long end = begin + (init ? facts.getInitTextSize() : facts.getTextSize());
    Set<String> expected = new HashSet<>();
    try (Stream<String> lines = Files.lines(Path.of("/proc/kallsyms"))) {
      lines
          .filter(line -> !line.contains("["))
          .map(line -> line.split(" ", 3))
          .filter(words -> "tTwW".contains(words[1]))
          .filter(words -> {
            long address = Long.parseUnsignedLong(words[0], 16);
            return address >= begin && address < end;
          })
          .forEach(words -> expected.add(words[0] + " " + words[2]));
    }
    Set<String> sent = new HashSet<>();
    List<Boolean> last = new ArrayList<>();

    new Kallsyms(HostRoot.SYSTEM)
        .stream(
            facts,
            _ -> true,
            chunk -> {
              if (chunk.getObject().equals(object)) {
                last.add(chunk.getLast());
                for (Symbol symbol : chunk.getSymbols()) {
                  sent.add(Long.toHexString(base + symbol.getOffset()) + " " + symbol.getName());
                }
              }
            });

    assertThat(sent).isEqualTo(expected).hasSizeGreaterThan(1_000);
    assertThat(last.subList(0, last.size() - 1)).containsOnly(false);
    assertThat(last.getLast()).isTrue();
  }

  private void manySymbols(int count) throws IOException {
    StringBuilder text = new StringBuilder("ffffffff81000000 d _text\n");
    for (int i = 0; i < count; i++) {
      text.append(Long.toHexString(0xffffffff81000000L + i)).append(" t f").append(i).append('\n');
    }
    recorded.put("proc/kallsyms", text.append("ffffffff82000000 D _etext\n").toString());
  }

  private List<SymbolChunk> stream() {
    List<SymbolChunk> chunks = new ArrayList<>();
    int sent = new Kallsyms(recorded.host()).stream(facts(recorded.host()), _ -> true, chunks::add);
    assertThat(sent).isEqualTo(chunks.size());
    return chunks;
  }

  private static HostFacts facts(HostRoot host) {
    return new HostFactsReader(
            host, IDENTITY, "1.0", Map.of("role", "db"), Set.of("skb_drop_reason"))
        .read();
  }
}
