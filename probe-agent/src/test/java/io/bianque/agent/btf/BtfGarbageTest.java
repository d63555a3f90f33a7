package io.bianque.agent.btf;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.btf.BtfBuilder.Member;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/**
 * Whatever the bytes are, the reader ends, and ends in a value or in the one exception that it
 * declares.
 */
class BtfGarbageTest {
  private static final List<String> NAMES = List.of("event", "color", "a", "", ".rodata");

  /** Bytes to overwrite: where, and with what. */
  record Damage(int at, byte value) {}

  @Property(tries = 2000)
  void arbitraryBytesAreReadOrRefused(@ForAll byte[] bytes) {
    readAll(() -> Btf.ofRaw(ByteBuffer.wrap(bytes)));
  }

  @Property(tries = 3000)
  void damagedBtfIsReadOrRefused(@ForAll("damage") List<Damage> damage) {
    byte[] bytes = damaged(good(), damage);
    readAll(() -> Btf.ofRaw(ByteBuffer.wrap(bytes)));
  }

  @Property(tries = 1000)
  void damagedObjectFilesAreReadOrRefused(@ForAll("damage") List<Damage> damage)
      throws IOException {
    byte[] bytes;
    try (var in = BtfGarbageTest.class.getResourceAsStream("sample.bpf.o")) {
      bytes = damaged(in.readAllBytes(), damage);
    }
    Path file = Files.createTempFile("damaged", ".o");
    try {
      Files.write(file, bytes);
      readAll(() -> Btf.ofElf(file));
    } finally {
      Files.delete(file);
    }
  }

  @Provide
  Arbitrary<List<Damage>> damage() {
    // Headers and counts lie at low offsets of both formats; section headers of the object at its
    // end.
    Arbitrary<Integer> at =
        Arbitraries.frequencyOf(
            Tuple.of(3, Arbitraries.integers().between(0, 64)),
            Tuple.of(3, Arbitraries.integers().between(0, 1 << 16)));
    Arbitrary<Byte> value = Arbitraries.bytes();
    return at.flatMap(a -> value.map(v -> new Damage(a, v))).list().ofMinSize(1).ofMaxSize(12);
  }

  private static byte[] damaged(byte[] good, List<Damage> damage) {
    byte[] bytes = good.clone();
    for (Damage d : damage) {
      bytes[d.at % bytes.length] = d.value;
    }
    return bytes;
  }

  private static byte[] good() {
    BtfBuilder b = new BtfBuilder();
    int u32 = b.integer("a", 4, false);
    int text = b.array(b.integer("char", 1, true), 16);
    int color = b.enumeration("color", 4, false, "RED", "GREEN");
    int inner = b.union("", 4, Member.at("a", u32, 0), Member.at("color", color, 0));
    int event = b.struct("event", 24, Member.at("", inner, 0), Member.at("comm", text, 4));
    b.section(".rodata", b.variable("tunable", b.reference(BtfKind.CONST, "", event)), 0, 24);
    b.reference(
        BtfKind.TYPEDEF, "btf_trace_a", b.reference(BtfKind.PTR, "", b.prototype(u32, event)));
    return b.bytes();
  }

  private static void readAll(java.util.function.Supplier<Btf> open) {
    try {
      Btf btf = open.get();
      for (String name : NAMES) {
        attempt(() -> assertThat(btf.struct(name)).isNotNull());
        attempt(() -> assertThat(btf.enumeration(name)).isNotNull());
        attempt(() -> assertThat(btf.variables(name)).isNotNull());
        attempt(() -> assertThat(btf.tracepointArguments(name)).isNotNull());
      }
    } catch (BtfException e) {
      assertThat(e).hasMessageMatching("(?s).*[0-9].*");
    }
  }

  private static void attempt(Runnable read) {
    try {
      read.run();
    } catch (BtfException e) {
      assertThat(e.getMessage()).isNotEmpty();
    }
  }
}
