package io.bianque.agent.encode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.Clang;
import java.nio.file.Path;
import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a struct and a schema can differ in, with the BTF that clang makes of the struct. */
class PlanMismatchTest {
  /**
   * One way to differ.
   *
   * @param c the fields behind {@code __u64 ktime_ns}, in C
   * @param avro the schema's fields; {@code '} stands for {@code "}
   * @param words what the message must hold
   */
  record Case(String what, String c, String avro, List<String> words) {
    Case(String what, String c, String avro, String... words) {
      this(what, c, avro, List.of(words));
    }

    @Override
    public String toString() {
      return what;
    }

    String struct() {
      return what.replaceAll("[^a-z0-9]+", "_") + "_event";
    }

    Schema schema() {
      String fields = avro.isEmpty() ? "" : avro.replace('\'', '"');
      return new Schema.Parser()
          .parse(
              "{\"type\":\"record\",\"name\":\"probe\",\"namespace\":\"t\",\"fields\":["
                  + fields
                  + "]}");
    }
  }

  private static final String IP = "{'type':'bytes','logicalType':'ip-address'}";
  private static final String STACK =
      "{'type':'array','items':'long','logicalType':'kernel-stack'}";
  private static final String FRAMES =
      "{'type':'array','logicalType':'user-frames','items':{'type':'record','name':'UserFrame','fields':["
          + "{'name':'build_id','type':['null',{'type':'fixed','name':'BuildId','size':20}]},"
          + "{'name':'offset','type':{'type':'long','logicalType':'uint64'}}]}}";

  private static final String NAMED_FRAMES =
      FRAMES.replace("'uint64'}}", "'uint64'}},{'name':'symbol','type':['null','string']}");

  @TempDir static Path folder;
  private static Btf btf;

  @BeforeAll
  static void compile() throws Exception {
    StringBuilder c =
        new StringBuilder("enum side { LEFT, RIGHT };\nstruct pair { __u32 a, b; };\n");
    for (Case each : differing()) {
      c.append("struct ").append(each.struct()).append(" {\n");
      c.append(each.c.contains("ktime_ns") ? "" : "__u64 ktime_ns;\n").append(each.c);
      c.append("} *use_").append(each.struct()).append(";\n");
    }
    c.append(
        "struct good_event { __u64 ktime_ns; enum side side; _Bool yes; __s8 small; __u32 *pad; } *good;");
    btf = Btf.ofElf(Clang.compile(folder, c.toString()));
  }

  static List<Case> differing() {
    return List.of(
        new Case(
            "missing in c",
            "",
            field("port", "'int'"),
            "struct missing_in_c_event",
            "schema field t.probe.port (int)",
            "no field of that name"),
        new Case(
            "missing in avro",
            "__u32 port;",
            "",
            "field port at offset 8, C type __u32",
            "schema t.probe has no field of that name"),
        new Case(
            "other name",
            "__u16 sport;",
            field("source_port", "'int'"),
            "field sport at offset 8, C type __u16",
            "schema field t.probe.source_port (int)"),
        new Case(
            "width of int",
            "__s64 n;",
            field("n", "'int'"),
            "field n at offset 8, C type __s64",
            "t.probe.n (int)",
            "width: 64 bits do not fit into int"),
        new Case(
            "unsigned into int",
            "__u32 n;",
            field("n", "'int'"),
            "C type __u32",
            "signedness: unsigned 32 bits do not fit into int"),
        new Case(
            "unsigned long without logical type",
            "__u64 n;",
            field("n", "'long'"),
            "C type __u64",
            "signedness",
            "uint64"),
        new Case(
            "signed with unsigned logical type",
            "__s64 n;",
            field("n", "{'type':'long','logicalType':'cgroup-id'}"),
            "C type __s64",
            "signedness: logical type cgroup-id needs __u64"),
        new Case(
            "narrow with unsigned logical type",
            "__u32 n;",
            field("n", "{'type':'long','logicalType':'kernel-address'}"),
            "C type __u32",
            "width: logical type kernel-address needs __u64"),
        new Case(
            "unsigned logical type on int",
            "__u64 n;",
            field("n", "{'type':'int','logicalType':'uint64'}"),
            "uint64 belongs on long"),
        new Case(
            "integer into string",
            "__u32 comm;",
            field("comm", "'string'"),
            "field comm at offset 8, C type __u32",
            "only an array of char can become string"),
        new Case(
            "bytes into string",
            "__u8 comm[16];",
            field("comm", "'string'"),
            "C type __u8[16]",
            "only an array of char"),
        new Case(
            "string into bytes",
            "__u8 n; char data[16];",
            field("data", "'bytes','lengthIn':'n'"),
            "field data at offset 9, C type char[16]",
            "only an array of __u8 can become bytes"),
        new Case(
            "integer into array",
            "__u8 n; __u64 stack;",
            field("stack", STACK + ",'lengthIn':'n'"),
            "field stack at offset 16, C type __u64",
            "array of long, kernel-stack"),
        new Case(
            "array into integer",
            "__u32 n[4];",
            field("n", "'long'"),
            "C type __u32[4]",
            "only an integer can become long"),
        new Case(
            "address of odd array length",
            "__u8 n; __u8 saddr[6];",
            field("saddr", "['null'," + IP + "],'lengthIn':'n'"),
            "field saddr at offset 9, C type __u8[6]",
            "(nullable bytes, ip-address)",
            "array length: an ip-address has 4 or 16 bytes"),
        new Case(
            "array length beyond its counter",
            "__u8 n; __u64 stack[300];",
            field("stack", STACK + ",'lengthIn':'n'"),
            "field stack at offset 16, C type __u64[300]",
            "array length: 300 cannot be said by",
            "field n at offset 8, C type __u8"),
        new Case(
            "flexible array",
            "__u8 n; __u64 stack[];",
            field("stack", STACK + ",'lengthIn':'n'"),
            "array length: 0 elements"),
        new Case(
            "stack of narrow items",
            "__u8 n; __u32 stack[8];",
            field("stack", STACK + ",'lengthIn':'n'"),
            "C type __u32[8]",
            "a kernel-stack is an array of __u64"),
        new Case(
            "stack without its logical type",
            "__u8 n; __u64 stack[8];",
            field("stack", "{'type':'array','items':'long'},'lengthIn':'n'"),
            "C type __u64[8]",
            "signedness"),
        new Case(
            "stack as bytes",
            "__u8 n; __u8 stack[8];",
            field("stack", "{'type':'bytes','logicalType':'kernel-stack'},'lengthIn':'n'"),
            "logical type kernel-stack belongs on array"),
        new Case(
            "frames of another struct",
            "__u8 n; struct other { __u64 a[4]; } frames[8];",
            field("frames", FRAMES + ",'lengthIn':'n'"),
            "C type struct other[8]",
            "user-frames are an array of struct bpf_stack_build_id"),
        new Case(
            "frames without their items",
            "__u8 n; struct bpf_stack_build_id { __u64 a[4]; } frames[8];",
            field(
                "frames",
                "{'type':'array','items':'long','logicalType':'user-frames'},'lengthIn':'n'"),
            "C type struct bpf_stack_build_id[8]",
            "user-frames have items of a record of build_id"),
        new Case(
            "named frames of no process",
            "__u8 n; struct bpf_stack_build_id frames[8];",
            field("frames", NAMED_FRAMES + ",'lengthIn':'n'"),
            "processIn must name the C field that holds the process",
            "names null, which the struct does not have"),
        new Case(
            "named frames of a process that is none",
            "__u8 n; __u64 pid; struct bpf_stack_build_id frames[8];",
            field("frames", NAMED_FRAMES + ",'lengthIn':'n','processIn':'pid'"),
            "processIn must name the C field that holds the process, a __s32 or __u32",
            "field pid at offset"),
        new Case(
            "address as string",
            "char saddr[16];",
            field("saddr", "{'type':'string','logicalType':'ip-address'}"),
            "logical type ip-address belongs on bytes"),
        new Case(
            "array without length",
            "__u64 stack[8];",
            field("stack", STACK),
            "lengthIn must name the C field"),
        new Case(
            "length that is missing",
            "__u64 stack[8];",
            field("stack", STACK + ",'lengthIn':'frames'"),
            "lengthIn names frames, which the struct does not have"),
        new Case(
            "length that is signed",
            "__s32 n; __u64 stack[8];",
            field("stack", STACK + ",'lengthIn':'n'"),
            "lengthIn names struct",
            "C type __s32, which is no unsigned integer"),
        new Case(
            "length on an integer",
            "__u32 n; __u32 p;",
            field("p", "'long','lengthIn':'n'"),
            "says lengthIn but is neither bytes nor an array"),
        new Case(
            "flag that is missing",
            "__u16 port;",
            field("port", "['null','int'],'presentIf':'has_port'"),
            "field port at offset 8",
            "presentIf names has_port, which the struct does not have"),
        new Case(
            "flag that is wide",
            "__u16 port; __u16 has_port;",
            field("port", "['null','int'],'presentIf':'has_port'"),
            "presentIf names struct",
            "field has_port at offset 10, C type __u16, which is no __u8"),
        new Case(
            "nullable without flag",
            "__u16 port;",
            field("port", "['null','int']"),
            "(nullable int)",
            "presentIf must name the __u8"),
        new Case(
            "flag without nullable",
            "__u16 port; __u8 has_port;",
            field("port", "'int','presentIf':'has_port'"),
            "t.probe.port (int)",
            "says presentIf has_port but is not nullable"),
        new Case(
            "union of two",
            "__u16 port;",
            field("port", "['int','long']"),
            "only a union of null and one other type"),
        new Case(
            "supplied by both",
            "char host_id[8];",
            field("host_id", "{'type':'string','logicalType':'host-id'}"),
            "field host_id at offset 8",
            "supplied by the agent (logical type host-id)"),
        new Case(
            "supplied on another type",
            "",
            field("time", "{'type':'string','logicalType':'timestamp-nanos'}"),
            "logical type timestamp-nanos belongs on a long"),
        new Case(
            "bit field",
            "__u32 low : 4; __u32 pad : 28;",
            field("low", "'long'"),
            "field low at offset 8",
            "is a bit-field of 4 bits"),
        new Case(
            "pointer",
            "void *sk;",
            field("sk", "'long'"),
            "C type void *",
            "only an integer can become long"),
        new Case(
            "nested struct",
            "struct pair pair;",
            field("pair", "'long'"),
            "C type struct pair",
            "only an integer can become long"),
        new Case(
            "signed enum ordinal",
            "__s32 side;",
            field("side", "{'type':'enum','name':'e','symbols':['A','B']}"),
            "C type __s32",
            "signedness: an enum's ordinal must be unsigned"),
        new Case(
            "wide enum ordinal",
            "__u64 side;",
            field("side", "{'type':'enum','name':'e','symbols':['A','B']}"),
            "C type __u64",
            "width: only __u8, __u16 or __u32"),
        new Case(
            "boolean of integer",
            "__u8 yes;",
            field("yes", "'boolean'"),
            "only bool can become boolean"),
        new Case(
            "float", "__u32 x;", field("x", "'double'"), "no C field can become this Avro type"),
        new Case(
            "no time",
            "__u64 ktime_ns_;",
            field("ktime_ns_", "{'type':'long','logicalType':'uint64'}"),
            "has no field ktime_ns"),
        new Case(
            "signed time",
            "__s64 ktime_ns;",
            field("ktime_ns", "'long'"),
            "field ktime_ns at offset 0, C type __s64: must be __u64"));
  }

  private static String field(String name, String type) {
    return "{'name':'" + name + "','type':" + type + "}";
  }

  @ParameterizedTest
  @MethodSource("differing")
  void isRefusedByName(Case each) {
    assertThatThrownBy(() -> EncodePlan.compile(btf, each.struct(), each.schema()))
        .isInstanceOf(PlanMismatch.class)
        .hasMessageContaining("struct " + each.struct())
        .hasMessageContainingAll(each.words.toArray(CharSequence[]::new));
  }

  @Test
  void saysAllDifferencesAtOnce() {
    Case wrong = new Case("other name", "", field("a", "'int'") + "," + field("b", "'int'"));

    assertThatThrownBy(() -> EncodePlan.compile(btf, "other_name_event", wrong.schema()))
        .hasMessageContaining("t.probe.a")
        .hasMessageContaining("t.probe.b")
        .hasMessageContaining("field sport");
  }

  @Test
  void aStructThatIsNotThereIsNamed() {
    Case any = new Case("any", "", "");

    assertThatThrownBy(() -> EncodePlan.compile(btf, "nothing_event", any.schema()))
        .isInstanceOf(PlanMismatch.class)
        .hasMessageContaining("struct nothing_event is not in the object's BTF")
        .hasMessageContaining("t.probe");
  }

  @Test
  void cEnumsBooleansAndPaddingAreKnown() {
    Case good =
        new Case(
            "good",
            "",
            field("side", "{'type':'enum','name':'e','symbols':['LEFT','RIGHT']}")
                + ","
                + field("yes", "'boolean'")
                + ","
                + field("small", "'int'"));

    assertThatCode(() -> EncodePlan.compile(btf, "good_event", good.schema()))
        .doesNotThrowAnyException();
    assertThat(EncodePlan.compile(btf, "good_event", good.schema()).structSize()).isEqualTo(24);
  }
}
