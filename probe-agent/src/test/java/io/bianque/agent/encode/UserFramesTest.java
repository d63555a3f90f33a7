package io.bianque.agent.encode;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.btf.BtfBuilder;
import io.bianque.agent.btf.BtfBuilder.Member;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames as bpf_get_stack() writes them with BPF_F_USER_BUILD_ID. */
class UserFramesTest {
  private static final Schema SCHEMA =
      new Schema.Parser()
          .parse(
              """
              {"type": "record", "name": "sample", "namespace": "t", "fields": [
                {"name": "ktime_ns", "type": {"type": "long", "logicalType": "monotonic-nanos"}},
                {"name": "user_frames", "lengthIn": "count", "type": {"type": "array", "logicalType": "user-frames", "items":
                  {"type": "record", "name": "UserFrame", "fields": [
                    {"name": "build_id", "type": ["null", {"type": "fixed", "name": "BuildId", "size": 20}]},
                    {"name": "offset", "type": {"type": "long", "logicalType": "uint64"}}]}}}
              ]}
              """);

  /** The same with symbols. */
  private static final Schema NAMED =
      new Schema.Parser()
          .parse(
              SCHEMA
                  .toString()
                  .replace("\"lengthIn\":", "\"processIn\":\"pid\",\"lengthIn\":")
                  .replace(
                      "\"logicalType\":\"uint64\"}}",
                      "\"logicalType\":\"uint64\"}},{\"name\":\"symbol\",\"type\":[\"null\",\"string\"],\"default\":null}"));

  private static final AgentFields AGENT = new AgentFields("host-1", "boot-1", 1, 0);
  private static final int COUNT = 8;
  private static final int PID = 12;
  private static final int FRAMES = 16;
  private static final int FRAME = 32;
  private static final int MOST = 4;
  private static final int EMPTY = 0;
  private static final int VALID = 1;
  private static final int IP = 2;

  private final ByteBuffer event =
      ByteBuffer.allocate(FRAMES + MOST * FRAME).order(ByteOrder.nativeOrder());
  private final EncodePlan plan = plan(SCHEMA);
  private final byte[] out = new byte[plan.maxEncodedSize()];
  private final EncodePlan namedPlan = plan(NAMED);
  private final byte[] namedOut = new byte[namedPlan.maxEncodedSize()];

  @Test
  void aFrameInAFileHasItsBuildIdAndAnotherItsAddressOnly() throws IOException {
    frame(0, VALID, 0xab, 0x1234);
    frame(1, IP, 0xcd, 0xffffffffff600000L);
    frame(2, EMPTY, 0xcd, 0);
    frame(3, VALID, 0x00, -1);

    assertThat(read(4))
        .containsExactly(
            buildId(0xab), 0x1234L, null, 0xffffffffff600000L, null, 0L, buildId(0x00), -1L);
  }

  @Test
  void theLastFramesOfAnEventMayBeCutOff() throws IOException {
    frame(0, VALID, 0xab, 0x1234);

    assertThat(read(1)).containsExactly(buildId(0xab), 0x1234L);
    assertThat(read(0)).isEmpty();
    assertThat(encode(2, FRAMES + 2 * FRAME - 1)).isEqualTo(EncodeFailure.TRUNCATED);
    assertThat(encode(MOST + 1, FRAMES + MOST * FRAME))
        .isEqualTo(EncodeFailure.LENGTH_BEYOND_ARRAY);
  }

  @Test
  void theLargestEventHasRoom() throws IOException {
    for (int i = 0; i < MOST; i++) {
      frame(i, VALID, 0xff, Long.MIN_VALUE);
    }
    event.putLong(0, Long.MIN_VALUE);

    assertThat(read(MOST)).contains(Long.MIN_VALUE);
    assertThat(plan.encode(event.put(COUNT, (byte) MOST), 0, event.capacity(), AGENT, out, 0))
        .isLessThanOrEqualTo(plan.maxEncodedSize());
  }

  /** Where calls return to may be one byte behind the code that calls. */
  @Test
  void aFrameInNoFileHasTheNameThatItsProcessHasForIt() throws IOException {
    List<String> asked = new ArrayList<>();
    CodeNames names =
        process ->
            (address, into, at) -> {
              asked.add(process + ":" + Long.toHexString(address));
              return address == 0x7f00L ? name("jit", into, at) : 0;
            };
    event.putInt(PID, 4711);
    frame(0, IP, 0, 0x7f00);
    frame(1, VALID, 0xab, 0x7f00);
    frame(2, IP, 0, 0x7f01);
    frame(3, EMPTY, 0, 0x7f00);

    assertThat(readNamed(4, names))
        .containsExactly(
            null,
            0x7f00L,
            "jit",
            buildId(0xab),
            0x7f00L,
            null,
            null,
            0x7f01L,
            "jit",
            null,
            0x7f00L,
            null);
    assertThat(asked).containsExactly("4711:7f00", "4711:7f00");
    frame(0, IP, 0, 0x7f01);
    assertThat(readNamed(1, names)).containsExactly(null, 0x7f01L, null);
  }

  /** Its bytes are moved where its length takes fewer than the longest's. */
  @ParameterizedTest
  @ValueSource(ints = {1, 63, 64, CodeNames.MOST_BYTES})
  void namesOfAnyLengthAreCopied(int length) throws IOException {
    String name = "n".repeat(length - 1) + "!";
    for (int i = 0; i < MOST; i++) {
      frame(i, IP, 0, Long.MIN_VALUE);
    }
    event.putLong(0, Long.MIN_VALUE);

    assertThat(readNamed(MOST, _ -> (_, into, at) -> name(name, into, at)))
        .filteredOn(String.class::isInstance)
        .containsExactly(name, name, name, name);
  }

  /** Most stacks have no such frame. */
  @Test
  void noProcessIsLookedUpForAStackInFiles() throws IOException {
    frame(0, VALID, 0xab, 0x1234);

    assertThat(
            readNamed(
                1,
                process -> {
                  throw new AssertionError("asked for " + process);
                }))
        .containsExactly(buildId(0xab), 0x1234L, null);
  }

  private static int name(String name, byte[] into, int at) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, into, at, bytes.length);
    return bytes.length;
  }

  private void frame(int index, int status, int buildId, long offset) {
    int at = FRAMES + index * FRAME;
    event.putInt(at, status).put(at + 4, buildId(buildId).bytes()).putLong(at + 24, offset);
  }

  private static GenericData.Fixed buildId(int fill) {
    byte[] bytes = new byte[20];
    Arrays.fill(bytes, (byte) fill);
    return new GenericData.Fixed(Schema.createFixed("BuildId", null, "t", bytes.length), bytes);
  }

  private EncodeFailure encode(int count, int length) {
    return EncodeFailure.of(plan.encode(event.put(COUNT, (byte) count), 0, length, AGENT, out, 0));
  }

  /** Build id and offset of each frame, of an event that ends with the last. */
  private List<Object> read(int count) throws IOException {
    return parts(
        SCHEMA,
        out,
        plan.encode(event.put(COUNT, (byte) count), 0, FRAMES + count * FRAME, AGENT, out, 0));
  }

  /** And its symbol. */
  private List<Object> readNamed(int count, CodeNames names) throws IOException {
    AgentFields agent = new AgentFields("host-1", "boot-1", 1, 0, names);
    return parts(
        NAMED,
        namedOut,
        namedPlan.encode(
            event.put(COUNT, (byte) count), 0, FRAMES + count * FRAME, agent, namedOut, 0));
  }

  private static List<Object> parts(Schema schema, byte[] encoded, int length) throws IOException {
    assertThat(length).isPositive();
    GenericRecord read =
        new GenericDatumReader<GenericRecord>(schema)
            .read(null, DecoderFactory.get().binaryDecoder(encoded, 0, length, null));
    List<Object> parts = new ArrayList<>();
    for (Object each : (List<?>) read.get("user_frames")) {
      GenericRecord frame = (GenericRecord) each;
      for (Schema.Field field : frame.getSchema().getFields()) {
        Object part = frame.get(field.pos());
        parts.add(part instanceof CharSequence text ? text.toString() : part);
      }
    }
    return parts;
  }

  private static EncodePlan plan(Schema schema) {
    BtfBuilder b = new BtfBuilder();
    int u8 = b.integer("__u8", 1, false);
    int s32 = b.integer("__s32", 4, true);
    int u64 = b.integer("__u64", 8, false);
    int frame =
        b.struct(
            "bpf_stack_build_id",
            FRAME,
            Member.at("status", s32, 0),
            Member.at("build_id", b.array(u8, 20), 4),
            Member.at("offset", u64, 24));
    b.struct(
        "sample_event",
        FRAMES + MOST * FRAME,
        Member.at("ktime_ns", u64, 0),
        Member.at("count", u8, COUNT),
        Member.at(schema.equals(NAMED) ? "pid" : "pad", s32, PID),
        Member.at("user_frames", b.array(frame, MOST), FRAMES));
    return EncodePlan.compile(b.build(), "sample_event", schema);
  }
}
