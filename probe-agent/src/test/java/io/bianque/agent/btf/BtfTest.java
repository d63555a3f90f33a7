package io.bianque.agent.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.agent.btf.BtfBuilder.Member;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BtfTest {
  private static final String EVERYTHING =
      """
      enum color { RED, GREEN = 5, BLUE = 0x80000000 };
      enum mood { GLUM = -3, GLAD = 3 };
      struct inner { __u32 a; __u32 b; };
      struct event {
        __u64 ktime_ns;
        union {
          __u32 word;
          struct { __u16 low; __u16 high; };
        };
        __u8 flag : 3, more : 5;
        const volatile __s16 small;
        char comm[16];
        __u8 grid[2][3];
        struct inner named;
        void *pointer;
        enum color color;
        _Bool yes;
        __u64 stack[127];
      };
      const volatile __u32 limit = 100;
      const volatile _Bool on = 1;
      const volatile __s64 wide = -7;
      static const __u32 table[3] = {1, 2, 3};
      const volatile char device[8] = "eth0";
      struct event *last;
      enum mood mood;
      __attribute__((section("license"))) char LICENSE[] = "GPL";
      __attribute__((section("tp/x"))) int program(struct event *e) {
        last = e; return limit + on + wide + device[e->flag & 7] + table[e->more % 3u];
      }
      """;

  @TempDir Path folder;

  @Test
  void readsWhatClangSaysOfAStruct() throws Exception {
    Btf btf = Btf.ofElf(Clang.compile(folder, EVERYTHING));

    BtfStruct event = btf.struct("event").orElseThrow();

    assertThat(event.size()).isEqualTo(16 + 16 + 6 + 2 + 8 + 8 + 8 + 127 * 8);
    assertThat(event.fields())
        .extracting(f -> f.offset() + " " + f.type().cName() + " " + f.name())
        .containsExactly(
            "0 __u64 ktime_ns",
            "8 __u32 word",
            "8 __u16 low",
            "10 __u16 high",
            "12 __u8 flag",
            "12 __u8 more",
            "14 __s16 small",
            "16 char[16] comm",
            "32 __u8[2][3] grid",
            "40 struct inner named",
            "48 void * pointer",
            "56 enum color color",
            "60 _Bool yes",
            "64 __u64[127] stack");
    assertThat(event.field("flag").orElseThrow())
        .matches(f -> f.isBitField() && f.bitFieldBits() == 3 && f.offsetBits() == 96);
    assertThat(event.field("more").orElseThrow())
        .matches(f -> f.bitFieldBits() == 5 && f.offsetBits() == 99);
    assertThat(event.field("comm").orElseThrow().type())
        .isInstanceOfSatisfying(
            BtfType.Array.class,
            array -> assertThat(((BtfType.Int) array.element()).character()).isTrue());
    assertThat(event.field("grid").orElseThrow().type().size()).isEqualTo(6);
    assertThat(event.field("yes").orElseThrow().type())
        .isInstanceOfSatisfying(BtfType.Int.class, i -> assertThat(i.bool()).isTrue());
  }

  @Test
  void findsTunablesWhereTheSymbolTablePutsThem() throws Exception {
    Btf btf = Btf.ofElf(Clang.compile(folder, EVERYTHING));

    List<BtfVariable> variables = btf.variables(".rodata");

    byte[] rodata = section(Files.readAllBytes(folder.resolve("x.bpf.o")), ".rodata");
    assertThat(variables)
        .filteredOn(BtfVariable::constVolatile)
        .extracting(BtfVariable::name)
        .containsExactlyInAnyOrder("limit", "on", "wide", "device");
    assertThat(variables)
        .allSatisfy(variable -> {
          ByteBuffer at =
              ByteBuffer.wrap(rodata)
                  .slice(variable.offset(), variable.size())
                  .order(java.nio.ByteOrder.LITTLE_ENDIAN);
          assertThat(variable.size()).isEqualTo((int) variable.type().size());
          switch (variable.name()) {
            case "limit" -> assertThat(at.getInt()).isEqualTo(100);
            case "on" -> assertThat(at.get()).isEqualTo((byte) 1);
            case "wide" -> assertThat(at.getLong()).isEqualTo(-7);
            case "device" -> assertThat(at.get()).isEqualTo((byte) 'e');
            default -> assertThat(at.getInt()).isEqualTo(1);
          }
        });
    assertThat(btf.variables(".nothing")).isEmpty();
  }

  @Test
  void readsEnumsOfEitherSign() throws Exception {
    Btf btf = Btf.ofElf(Clang.compile(folder, EVERYTHING));

    assertThat(btf.enumeration("color").orElseThrow().members())
        .extracting(BtfType.EnumMember::name)
        .containsExactly("RED", "GREEN", "BLUE");
    assertThat(btf.enumeration("color").orElseThrow().members().get(2).value() & 0xffffffffL)
        .isEqualTo(0x80000000L);
    assertThat((int) btf.enumeration("mood").orElseThrow().members().get(0).value()).isEqualTo(-3);
    assertThat(btf.enumeration("event")).isEmpty();
  }

  @Test
  void readsTheCommittedObjectWithoutAnyCompiler() throws Exception {
    // btf/sample.bpf.c beside it is its source, compiled with clang -target bpf -g -O2 and
    // llvm-strip -g.
    Path object = folder.resolve("sample.bpf.o");
    try (var in = BtfTest.class.getResourceAsStream("sample.bpf.o")) {
      Files.write(object, in.readAllBytes());
    }

    Btf btf = Btf.ofElf(object);

    assertThat(btf.struct("sample_event").orElseThrow().fields())
        .extracting(f -> f.offset() + " " + f.type().cName() + " " + f.name())
        .containsExactly(
            "0 __u64 ktime_ns",
            "8 __u64 sequence",
            "16 __u32 cpu",
            "20 __u8 has_port",
            "21 __u8 frames",
            "22 __u16 port",
            "24 char[16] comm",
            "40 __u64[8] kernel_stack");
    assertThat(btf.variables(".rodata"))
        .extracting(v -> v.name() + " " + v.offset() + " " + v.size())
        .containsExactlyInAnyOrder("max_events_per_second 0 4", "use_perf_buffer 4 1");
  }

  @Test
  void readsEveryKindByHand() {
    BtfBuilder b = new BtfBuilder();
    int u32 = b.integer("unsigned int", 4, false);
    int u64 = b.integer("unsigned long long", 8, false);
    int tagged = b.reference(BtfKind.TYPE_TAG, "rcu", u32);
    int alias = b.reference(BtfKind.TYPEDEF, "__u32", tagged);
    int real = b.floating("double", 8);
    int deep = b.struct("", 8, Member.at("x", u32, 0), Member.at("y", alias, 4));
    int event =
        b.struct(
            "event",
            40,
            Member.at("", b.union("", 8, Member.at("", deep, 0), Member.at("both", u64, 0)), 8),
            Member.at("number", real, 16));
    b.declTag("tag", event);
    b.reference(BtfKind.FWD, "unknown", 0);
    b.enum64("wide", false, "TOP", -1L);
    int pointer = b.reference(BtfKind.PTR, "", event);
    int prototype = b.prototype(b.reference(BtfKind.PTR, "", 0), pointer, alias);
    b.reference(BtfKind.FUNC, "tcp_v4_rcv", prototype);
    b.reference(BtfKind.TYPEDEF, "btf_trace_kfree_skb", b.reference(BtfKind.PTR, "", prototype));
    Btf btf = b.build();

    assertThat(btf.struct("event").orElseThrow().fields())
        .extracting(f -> f.offset() + " " + f.type().cName() + " " + f.name())
        .containsExactly(
            "8 unsigned int x", "12 __u32 y", "8 unsigned long long both", "16 double number");
    assertThat(btf.enumeration("wide").orElseThrow().members())
        .containsExactly(new BtfType.EnumMember("TOP", -1L));
    assertThat(btf.tracepointArguments("kfree_skb")).hasValue(List.of("struct event *", "__u32"));
    assertThat(btf.tracepointArguments("consume_skb")).isEmpty();
    assertThat(btf.has(BtfKind.FUNC, "tcp_v4_rcv")).isTrue();
    assertThat(btf.has(BtfKind.STRUCT, "tcp_v4_rcv")).isFalse();
    assertThat(btf.has(BtfKind.STRUCT, "vent")).isFalse();
  }

  @Test
  void readsBitFieldsAsTheyWereWrittenBeforeTheKindFlag() {
    BtfBuilder b = new BtfBuilder();
    int three = b.integer("unsigned int", 4, 0, 2, 3);
    b.struct("old", 4, Member.at("bits", three, 0));

    BtfField bits = b.build().struct("old").orElseThrow().field("bits").orElseThrow();

    assertThat(bits.bitFieldBits()).isEqualTo(3);
    assertThat(bits.offsetBits()).isEqualTo(2);
  }

  @Test
  void findsATypeByIdBehindManyOthers() {
    BtfBuilder b = new BtfBuilder();
    int target = 0;
    for (int i = 0; i < 1000; i++) {
      int id = b.integer("int" + i, 4, true);
      target = i == 777 ? id : target;
    }
    b.struct("s", 4, Member.at("f", target, 0));

    assertThat(b.build().struct("s").orElseThrow().fields().get(0).type().cName())
        .isEqualTo("int777");
  }

  @Test
  void namesTheOffsetOfWhatIsBroken() {
    byte[] good = sample().bytes();

    assertThatThrownBy(() -> Btf.ofRaw(ByteBuffer.wrap(good, 0, 10)))
        .isInstanceOf(BtfException.class)
        .hasMessageContaining("10 bytes are too few");
    assertBroken(good, 0, 0x12, "offset 0x0", "0xeb12");
    assertBroken(good, 2, 9, "offset 0x2", "version 9");
    assertBroken(good, 4, 4, "offset 0x4", "header of 4 bytes");
    assertBroken(good, 12, 0xff, "types", "beyond the end");
    assertBroken(good, 20, 0xff, "names", "beyond the end");
    assertBroken(good, 24 + 7, 31, "offset 0x4 of its types", "unknown kind 31");
    assertBroken(good, 24 + 16 + 4, 200, "offset 0x10 of its types", "STRUCT of 200 members");
  }

  @Test
  void refusesCirclesAndEndlessNesting() {
    BtfBuilder circle = new BtfBuilder();
    circle.struct("s", 4, Member.at("f", 2, 0));
    circle.reference(BtfKind.TYPEDEF, "a", 3);
    circle.reference(BtfKind.CONST, "", 2);
    assertThatThrownBy(() -> circle.build().struct("s"))
        .isInstanceOf(BtfException.class)
        .hasMessageContaining("circle");

    BtfBuilder nest = new BtfBuilder();
    nest.struct("s", 4, Member.at("", 2, 0), Member.at("", 2, 0));
    nest.struct("", 4, Member.at("", 2, 0), Member.at("", 2, 0));
    assertThatThrownBy(() -> nest.build().struct("s"))
        .isInstanceOf(BtfException.class)
        .hasMessageContaining("nest deeper");

    BtfBuilder missing = new BtfBuilder();
    missing.struct("s", 4, Member.at("f", 77, 0));
    assertThatThrownBy(() -> missing.build().struct("s"))
        .isInstanceOf(BtfException.class)
        .hasMessageContaining("type 77 of 1");
  }

  @Test
  void refusesFilesThatAreNoObjectOfThisKind() throws IOException {
    assertRefused(
        "plain text that is long enough to be an ELF header, but is none at all, no",
        "is no ELF file");
    assertRefused("\u007fELF\u0001\u0001" + "x".repeat(60), "no 64-bit ELF");
    assertRefused("\u007fELF\u0002\u0002" + "x".repeat(60), "big-endian");
    assertThatThrownBy(() -> Btf.ofElf(folder.resolve("absent")))
        .isInstanceOf(BtfException.class)
        .hasMessageContaining("absent");
  }

  @Test
  void refusesAnObjectWithoutDebugInformation() throws Exception {
    Path object = Clang.compile(folder, "int x(void) { return 1; }", "-g0");

    assertThatThrownBy(() -> Btf.ofElf(object))
        .isInstanceOf(BtfException.class)
        .hasMessageContaining("has no section .BTF")
        .hasMessageContaining("clang -target bpf -g");
  }

  @Test
  void readsTheRunningKernelThroughAWindow() {
    assumeTrue(Files.isReadable(Btf.KERNEL), "this kernel has no BTF");
    Btf kernel = Btf.ofKernel().orElseThrow();

    assertThat(kernel.struct("sk_buff").orElseThrow().field("len")).isPresent();
    assertThat(kernel.struct("iphdr").orElseThrow().field("version").orElseThrow().bitFieldBits())
        .isEqualTo(4);
    assertThat(kernel.has(BtfKind.STRUCT, "no_such_struct_at_all")).isFalse();
    assertThat(kernel.tracepointArguments("kfree_skb").orElseThrow())
        .startsWith("struct sk_buff *", "void *");
    kernel
        .enumeration("skb_drop_reason")
        .ifPresent(reasons ->
            assertThat(reasons.members())
                .extracting(BtfType.EnumMember::name)
                .contains("SKB_DROP_REASON_NOT_SPECIFIED", "SKB_DROP_REASON_NO_SOCKET"));
  }

  @Test
  void windowAndMemoryReadTheSame() throws IOException {
    assumeTrue(Files.isReadable(Btf.KERNEL), "this kernel has no BTF");
    Btf windowed = Btf.ofKernel().orElseThrow();
    Btf memory = Btf.ofRaw(ByteBuffer.wrap(Files.readAllBytes(Btf.KERNEL)));

    for (String name : List.of("sock", "task_struct", "net_device", "tcp_sock", "sk_buff")) {
      assertThat(windowed.struct(name)).isEqualTo(memory.struct(name)).isPresent();
    }
    assertThat(windowed.enumeration("bpf_prog_type"))
        .isEqualTo(memory.enumeration("bpf_prog_type"))
        .isPresent();
  }

  private static BtfBuilder sample() {
    BtfBuilder b = new BtfBuilder();
    int u32 = b.integer("unsigned int", 4, false);
    b.struct("s", 4, Member.at("f", u32, 0));
    return b;
  }

  private static void assertBroken(byte[] good, int at, int value, String... words) {
    byte[] bad = Arrays.copyOf(good, good.length);
    bad[at] = (byte) value;
    assertThatThrownBy(() -> Btf.ofRaw(ByteBuffer.wrap(bad)))
        .isInstanceOf(BtfException.class)
        .hasMessageContainingAll(words);
  }

  private void assertRefused(String text, String word) throws IOException {
    Path file = folder.resolve("file.o");
    Files.write(file, text.getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> Btf.ofElf(file))
        .isInstanceOf(BtfException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(word);
  }

  private static byte[] section(byte[] elf, String name) {
    Bytes bytes = ElfObject.of("test", ByteBuffer.wrap(elf)).section(name);
    byte[] copy = new byte[bytes.size()];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = (byte) bytes.u8(i);
    }
    return copy;
  }
}
