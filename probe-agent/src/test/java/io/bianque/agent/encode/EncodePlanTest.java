package io.bianque.agent.encode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfBuilder;
import io.bianque.agent.btf.BtfBuilder.Member;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.junit.jupiter.api.Test;

class EncodePlanTest {
  private static final AgentFields AGENT =
      new AgentFields("host-1", "boot-1", 1_700_000_000_000_000_000L, 1_000);

  private static final Schema SCHEMA =
      new Schema.Parser()
          .parse(
              """
              {"type": "record", "name": "sample", "namespace": "t", "fields": [
                {"name": "host", "type": {"type": "string", "logicalType": "host-id"}},
                {"name": "boot", "type": {"type": "string", "logicalType": "boot-id"}},
                {"name": "epoch", "type": {"type": "long", "logicalType": "probe-epoch"}},
                {"name": "ktime_ns", "type": {"type": "long", "logicalType": "monotonic-nanos"}},
                {"name": "time", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
                {"name": "comm", "type": "string"},
                {"name": "port", "type": ["null", "int"], "default": null, "presentIf": "has_port"},
                {"name": "saddr", "type": ["null", {"type": "bytes", "logicalType": "ip-address"}], "lengthIn": "address_length"},
                {"name": "source", "type": {"type": "enum", "name": "source", "symbols": ["SOFTWARE", "HARDWARE"]}},
                {"name": "stack", "type": {"type": "array", "items": "long", "logicalType": "kernel-stack"}, "lengthIn": "frames"}
              ]}
              """);

  private static final int COMM = 8;
  private static final int PORT = 24;
  private static final int HAS_PORT = 26;
  private static final int ADDRESS_LENGTH = 27;
  private static final int SOURCE = 28;
  private static final int FRAMES = 29;
  private static final int SADDR = 32;
  private static final int STACK = 48;
  private static final int SIZE = STACK + 16 * 8;

  private final EncodePlan plan = EncodePlan.compile(btf(), "sample_event", SCHEMA);
  private final byte[] out = new byte[plan.maxEncodedSize()];

  @Test
  void encodesAnEventAsItsSchemaSays() throws IOException {
    ByteBuffer event = event(3);

    GenericRecord read = decode(event, STACK + 3 * 8);

    assertThat(read.get("host")).hasToString("host-1");
    assertThat(read.get("boot")).hasToString("boot-1");
    assertThat(read.get("epoch")).isEqualTo(1_700_000_000_000_000_000L);
    assertThat(read.get("ktime_ns")).isEqualTo(5_000L);
    assertThat(read.get("time")).isEqualTo(6_000L);
    assertThat(read.get("comm")).hasToString("nginx");
    assertThat(read.get("port")).isEqualTo(443);
    assertThat(read.get("saddr")).isEqualTo(ByteBuffer.wrap(new byte[] {10, 0, 0, 1}));
    assertThat(read.get("source")).hasToString("HARDWARE");
    assertThat(read.get("stack"))
        .isEqualTo(List.of(0xffffffff81000000L, 0xffffffff81000001L, 0xffffffff81000002L));
    assertThat(plan.wallNanos(event, 0, AGENT)).isEqualTo(6_000);
  }

  @Test
  void whatTheKernelDidNotSeeIsNull() throws IOException {
    ByteBuffer event = event(0).put(HAS_PORT, (byte) 0).put(ADDRESS_LENGTH, (byte) 0);

    GenericRecord read = decode(event, STACK);

    assertThat(read.get("port")).isNull();
    assertThat(read.get("saddr")).isNull();
    assertThat(read.get("stack")).isEqualTo(List.of());
  }

  @Test
  void theClockOffsetOfTheMomentMakesTheWallTime() throws IOException {
    AGENT.clockOffsetNanos(2_000);
    try {
      assertThat(decode(event(0), STACK).get("time")).isEqualTo(7_000L);
    } finally {
      AGENT.clockOffsetNanos(1_000);
    }
  }

  @Test
  void textEndsAtNulOrAtTheArraysEnd() throws IOException {
    ByteBuffer event = event(0);
    event.put(COMM, "0123456789abcdef".getBytes(java.nio.charset.StandardCharsets.US_ASCII));

    assertThat(decode(event, STACK).get("comm")).hasToString("0123456789abcdef");

    event.put(COMM, (byte) 0);
    assertThat(decode(event, STACK).get("comm")).hasToString("");
  }

  @Test
  void anEventCutInItsFixedPartIsRefused() {
    for (int length = 0; length < FRAMES + 1; length++) {
      assertThat(encode(event(0), length)).isEqualTo(EncodeFailure.TRUNCATED);
    }
  }

  @Test
  void anEventCutInItsStackIsRefused() {
    for (int length = STACK; length < STACK + 5 * 8; length++) {
      assertThat(encode(event(5), length)).isEqualTo(EncodeFailure.TRUNCATED);
    }
    assertThat(plan.encode(event(5), 0, STACK + 5 * 8, AGENT, out, 0)).isPositive();
  }

  @Test
  void aLengthBeyondItsArrayIsRefusedWhateverFollows() {
    assertThat(encode(event(5).put(FRAMES, (byte) 17), SIZE))
        .isEqualTo(EncodeFailure.LENGTH_BEYOND_ARRAY);
    assertThat(encode(event(5).put(FRAMES, (byte) 255), SIZE))
        .isEqualTo(EncodeFailure.LENGTH_BEYOND_ARRAY);
    assertThat(encode(event(5).put(ADDRESS_LENGTH, (byte) 17), SIZE))
        .isEqualTo(EncodeFailure.LENGTH_BEYOND_ARRAY);
  }

  @Test
  void aNumberThatIsNoMemberOfTheEnumIsRefused() {
    assertThat(encode(event(0).put(SOURCE, (byte) 2), SIZE))
        .isEqualTo(EncodeFailure.ENUM_OUT_OF_RANGE);
    assertThat(EncodeFailure.ENUM_OUT_OF_RANGE.word()).isEqualTo("enum-out-of-range");
  }

  @Test
  void anOutputWithoutRoomIsRefusedBeforeItIsWritten() {
    byte[] small = new byte[plan.maxEncodedSize() + 10];

    assertThat(EncodeFailure.of(plan.encode(event(0), 0, SIZE, AGENT, small, 11)))
        .isEqualTo(EncodeFailure.NO_ROOM);
    assertThat(small).containsOnly(0);
    assertThat(plan.encode(event(0), 0, SIZE, AGENT, small, 10)).isPositive();
  }

  @Test
  void nothingOfAnEarlierEventShowsInALaterOne() throws IOException {
    plan.encode(event(16), 0, SIZE, AGENT, out, 0);

    assertThat(encode(event(16), STACK)).isEqualTo(EncodeFailure.TRUNCATED);
    assertThat(decode(event(0), STACK).get("stack")).isEqualTo(List.of());
  }

  @Test
  void theChannelsPaddingBehindTheStructIsNotRead() throws IOException {
    ByteBuffer padded = ByteBuffer.allocateDirect(SIZE + 12).order(ByteOrder.nativeOrder());
    padded.put(4, event(16), 0, SIZE);

    assertThat(plan.encode(padded, 4, SIZE + 8, AGENT, out, 0)).isPositive();
    assertThat(read(out, plan.encode(padded, 4, SIZE, AGENT, out, 0)).get("comm"))
        .hasToString("nginx");
  }

  @Test
  void encodingAllocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    ByteBuffer event = event(16);
    long sum = 0;
    for (int i = 0; i < 20_000; i++) {
      sum += plan.encode(event, 0, SIZE, AGENT, out, 0);
    }
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 10_000; i++) {
      sum += plan.encode(event, 0, SIZE, AGENT, out, 0);
    }
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;

    assertThat(sum).isPositive();
    assertThat(allocated).isLessThan(10_000);
  }

  @Test
  void idsThatAreNoneAreRefused() {
    assertThatThrownBy(() -> new AgentFields("", "b", 0, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("host id");
    assertThatThrownBy(() -> new AgentFields("h", "b".repeat(65), 0, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("boot id of 65 bytes");
  }

  private EncodeFailure encode(ByteBuffer event, int length) {
    return EncodeFailure.of(plan.encode(event, 0, length, AGENT, out, 0));
  }

  private GenericRecord decode(ByteBuffer event, int length) throws IOException {
    return read(out, plan.encode(event, 0, length, AGENT, out, 0));
  }

  private static GenericRecord read(byte[] encoded, int length) throws IOException {
    assertThat(length).isPositive();
    return new GenericDatumReader<GenericRecord>(SCHEMA)
        .read(null, DecoderFactory.get().binaryDecoder(encoded, 0, length, null));
  }

  private static ByteBuffer event(int frames) {
    ByteBuffer event = ByteBuffer.allocateDirect(SIZE).order(ByteOrder.nativeOrder());
    event.putLong(0, 5_000).put(COMM, new byte[] {'n', 'g', 'i', 'n', 'x'});
    event.putShort(PORT, (short) 443).put(HAS_PORT, (byte) 1);
    event.put(ADDRESS_LENGTH, (byte) 4).put(SADDR, new byte[] {10, 0, 0, 1});
    event.put(SOURCE, (byte) 1).put(FRAMES, (byte) frames);
    for (int i = 0; i < frames; i++) {
      event.putLong(STACK + i * 8, 0xffffffff81000000L + i);
    }
    return event;
  }

  private static Btf btf() {
    BtfBuilder b = new BtfBuilder();
    int u8 = b.integer("__u8", 1, false);
    int u16 = b.integer("__u16", 2, false);
    int u64 = b.integer("__u64", 8, false);
    int character = b.integer("char", 1, true);
    b.struct(
        "sample_event",
        SIZE,
        Member.at("ktime_ns", u64, 0),
        Member.at("comm", b.array(character, 16), COMM),
        Member.at("port", u16, PORT),
        Member.at("has_port", u8, HAS_PORT),
        Member.at("address_length", u8, ADDRESS_LENGTH),
        Member.at("source", u8, SOURCE),
        Member.at("frames", u8, FRAMES),
        Member.at("pad", b.array(u8, 2), FRAMES + 1),
        Member.at("saddr", b.array(u8, 16), SADDR),
        Member.at("stack", b.array(u64, 16), STACK));
    return b.build();
  }
}
