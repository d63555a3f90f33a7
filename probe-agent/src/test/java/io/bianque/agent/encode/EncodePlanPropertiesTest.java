package io.bianque.agent.encode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfBuilder;
import io.bianque.agent.btf.BtfBuilder.Member;
import io.bianque.agent.btf.BtfException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * For any struct and any bytes in it the plan writes what Avro's own writer writes of the same
 * values.
 */
class EncodePlanPropertiesTest {
  private static final AgentFields AGENT = new AgentFields("host-ü", "b", -7, 123_456_789L);

  enum Kind {
    INTEGER,
    BOOLEAN,
    ENUM,
    TEXT,
    BYTES,
    ARRAY
  }

  /**
   * A field as random as the contract allows.
   *
   * @param width bytes of the integer, the enum's ordinal, the array's element
   * @param capacity of text, bytes and arrays; number of symbols of an enum
   * @param lengthWidth bytes of the C field that says how many elements are set
   */
  record Field(
      Kind kind, int width, boolean signed, boolean nullable, int capacity, int lengthWidth) {

    boolean hasLength() {
      return kind == Kind.BYTES || kind == Kind.ARRAY;
    }

    boolean hasFlag() {
      return nullable && kind != Kind.BYTES;
    }
  }

  /** Where a field and what it depends on lie in the struct. */
  static final class Placed {
    final String name;
    final Field field;
    int at;
    int flagAt;
    int lengthAt;

    Placed(String name, Field field) {
      this.name = name;
      this.field = field;
    }
  }

  /**
   * A struct with its BTF, its schema, and a reader of its own that shares nothing with the plan.
   */
  static final class Layout {
    final List<Placed> fields = new ArrayList<>();
    final byte[] btfBytes;
    final Btf btf;
    final Schema schema;
    final int size;
    int fixedEnd = 8;

    Layout(List<Field> wanted, long seed) {
      Random random = new Random(seed);
      BtfBuilder b = new BtfBuilder();
      int character = b.integer("char", 1, true);
      int bool = b.bool();
      int[][] integers = new int[9][2];
      for (int width : new int[] {1, 2, 4, 8}) {
        integers[width][0] = b.integer("__u" + width * 8, width, false);
        integers[width][1] = b.integer("__s" + width * 8, width, true);
      }
      List<Runnable> place = new ArrayList<>();
      List<Member> members = new ArrayList<>();
      members.add(Member.at("ktime_ns", integers[8][0], 0));
      int[] next = {8};
      for (int i = 0; i < wanted.size(); i++) {
        Placed p = new Placed("f" + i, wanted.get(i));
        fields.add(p);
        int type =
            switch (p.field.kind) {
              case INTEGER -> integers[p.field.width][p.field.signed ? 1 : 0];
              case ENUM -> integers[p.field.width][0];
              case BOOLEAN -> bool;
              case TEXT -> b.array(character, p.field.capacity);
              case BYTES -> b.array(integers[1][0], p.field.capacity);
              case ARRAY ->
                  b.array(integers[p.field.width][p.field.signed ? 1 : 0], p.field.capacity);
            };
        int bytes = bytes(p.field);
        place.add(() -> {
          p.at = next[0];
          members.add(Member.at(p.name, type, p.at));
          next[0] += bytes;
          if (!p.field.hasLength()) {
            fixedEnd = Math.max(fixedEnd, next[0]);
          }
        });
        if (p.field.hasFlag()) {
          place.add(() -> {
            p.flagAt = next[0];
            members.add(Member.at("has_" + p.name, integers[1][0], next[0]++));
            fixedEnd = Math.max(fixedEnd, next[0]);
          });
        }
        if (p.field.hasLength()) {
          place.add(() -> {
            p.lengthAt = next[0];
            members.add(Member.at("n_" + p.name, integers[p.field.lengthWidth][0], next[0]));
            next[0] += p.field.lengthWidth;
            fixedEnd = Math.max(fixedEnd, next[0]);
          });
        }
      }
      Collections.shuffle(place, random);
      for (Runnable each : place) {
        each.run();
        if (random.nextInt(4) == 0) {
          members.add(Member.at("pad" + next[0], integers[1][0], next[0]++));
        }
      }
      size = next[0];
      b.struct("random_event", size, members.toArray(Member[]::new));
      btfBytes = b.bytes();
      btf = Btf.ofRaw(ByteBuffer.wrap(btfBytes));
      schema = new Schema.Parser().parse(json());
    }

    private static int bytes(Field field) {
      return switch (field.kind) {
        case INTEGER, ENUM -> field.width;
        case BOOLEAN -> 1;
        case TEXT, BYTES -> field.capacity;
        case ARRAY -> field.capacity * field.width;
      };
    }

    private String json() {
      StringBuilder json = new StringBuilder("{'type':'record','name':'random','fields':[");
      json.append("{'name':'time','type':{'type':'long','logicalType':'timestamp-nanos'}},");
      for (Placed p : fields) {
        String type = type(p);
        json.append("{'name':'").append(p.name).append("','type':");
        json.append(
            p.field.nullable
                ? p.at % 2 == 0 ? "['null'," + type + "]" : "[" + type + ",'null']"
                : type);
        json.append(p.field.hasFlag() ? ",'presentIf':'has_" + p.name + "'" : "");
        json.append(p.field.hasLength() ? ",'lengthIn':'n_" + p.name + "'" : "").append("},");
      }
      json.append("{'name':'host','type':{'type':'string','logicalType':'host-id'}},");
      json.append("{'name':'ktime_ns','type':{'type':'long','logicalType':'monotonic-nanos'}},");
      json.append("{'name':'epoch','type':{'type':'long','logicalType':'probe-epoch'}}]}");
      return json.toString().replace('\'', '"');
    }

    private static String type(Placed p) {
      return switch (p.field.kind) {
        case INTEGER -> integer(p.field);
        case BOOLEAN -> "'boolean'";
        case TEXT -> "'string'";
        case BYTES -> "'bytes'";
        case ENUM -> {
          StringBuilder symbols = new StringBuilder();
          for (int i = 0; i < p.field.capacity; i++) {
            symbols.append(i == 0 ? "'S" : ",'S").append(i).append("'");
          }
          yield "{'type':'enum','name':'e_" + p.name + "','symbols':[" + symbols + "]}";
        }
        case ARRAY ->
            p.field.width == 8 && !p.field.signed && p.field.capacity % 2 == 0
                ? "{'type':'array','items':'long','logicalType':'kernel-stack'}"
                : "{'type':'array','items':" + integer(p.field) + "}";
      };
    }

    private static String integer(Field field) {
      if (field.width == 8) {
        return field.signed ? "'long'" : "{'type':'long','logicalType':'uint64'}";
      }
      boolean fits = field.width < 4 || field.signed;
      return fits && field.capacity % 2 == 0 ? "'int'" : "'long'";
    }

    /** The record, or the failure that the contract demands. */
    Object read(ByteBuffer event, int length) {
      if (length < fixedEnd) {
        return EncodeFailure.TRUNCATED;
      }
      GenericRecord record = new GenericData.Record(schema);
      record.put("time", event.getLong(0) + AGENT.clockOffsetNanos());
      record.put("host", "host-ü");
      record.put("ktime_ns", event.getLong(0));
      record.put("epoch", -7L);
      for (Placed p : fields) {
        Object value = value(event, length, p);
        if (value instanceof EncodeFailure) {
          return value;
        }
        record.put(p.name, value);
      }
      return record;
    }

    private Object value(ByteBuffer event, int length, Placed p) {
      Field field = p.field;
      if (field.hasFlag() && event.get(p.flagAt) == 0) {
        return null;
      }
      Schema type = schema.getField(p.name).schema();
      if (field.nullable) {
        type = type.getTypes().get(type.getTypes().get(0).getType() == Schema.Type.NULL ? 1 : 0);
      }
      return switch (field.kind) {
        case INTEGER -> boxed(integer(event, p.at, field.width, field.signed), type);
        case BOOLEAN -> event.get(p.at) != 0;
        case ENUM -> {
          long ordinal = integer(event, p.at, field.width, false);
          yield ordinal < field.capacity
              ? new GenericData.EnumSymbol(type, "S" + ordinal)
              : EncodeFailure.ENUM_OUT_OF_RANGE;
        }
        case TEXT -> {
          int end = 0;
          while (end < field.capacity && event.get(p.at + end) != 0) {
            end++;
          }
          byte[] text = new byte[end];
          event.get(p.at, text);
          yield new String(text, StandardCharsets.UTF_8);
        }
        case BYTES, ARRAY -> elements(event, length, p, type);
      };
    }

    private static Object elements(ByteBuffer event, int length, Placed p, Schema type) {
      Field field = p.field;
      long count = integer(event, p.lengthAt, field.lengthWidth, false);
      if (field.kind == Kind.BYTES && field.nullable && count == 0) {
        return null;
      }
      if (Long.compareUnsigned(count, field.capacity) > 0) {
        return EncodeFailure.LENGTH_BEYOND_ARRAY;
      }
      int width = field.kind == Kind.BYTES ? 1 : field.width;
      if (p.at + count * width > length) {
        return EncodeFailure.TRUNCATED;
      }
      if (field.kind == Kind.BYTES) {
        byte[] bytes = new byte[(int) count];
        event.get(p.at, bytes);
        return ByteBuffer.wrap(bytes);
      }
      List<Object> items = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        long item = integer(event, p.at + i * width, width, field.signed);
        items.add(boxed(item, type.getElementType()));
      }
      return items;
    }

    private static Object boxed(long value, Schema type) {
      if (type.getType() == Schema.Type.INT) {
        return (int) value;
      }
      return value;
    }

    private static long integer(ByteBuffer event, int at, int width, boolean signed) {
      return switch (width) {
        case 1 -> signed ? event.get(at) : event.get(at) & 0xff;
        case 2 -> signed ? event.getShort(at) : event.getShort(at) & 0xffff;
        case 4 -> signed ? event.getInt(at) : event.getInt(at) & 0xffffffffL;
        default -> event.getLong(at);
      };
    }

    /** Random bytes, with lengths, ordinals and text that are mostly, but not always, good. */
    ByteBuffer event(Random random) {
      byte[] bytes = new byte[size];
      random.nextBytes(bytes);
      ByteBuffer event = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
      for (Placed p : fields) {
        boolean good = random.nextInt(20) != 0;
        if (p.field.hasFlag() && random.nextBoolean()) {
          event.put(p.flagAt, (byte) 0);
        }
        if (p.field.hasLength() && good) {
          put(event, p.lengthAt, p.field.lengthWidth, random.nextInt(p.field.capacity + 1));
        }
        if (p.field.kind == Kind.ENUM && good) {
          put(event, p.at, p.field.width, random.nextInt(p.field.capacity));
        }
        if (p.field.kind == Kind.TEXT && good) {
          byte[] text = TEXTS.get(random.nextInt(TEXTS.size())).getBytes(StandardCharsets.UTF_8);
          event.put(p.at, Arrays.copyOf(text, p.field.capacity));
        }
      }
      return event;
    }

    private static void put(ByteBuffer event, int at, int width, long value) {
      for (int i = 0; i < width; i++) {
        int shift = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? i : width - 1 - i;
        event.put(at + i, (byte) (value >>> (8 * shift)));
      }
    }
  }

  private static final List<String> TEXTS =
      List.of("", "a", "kworker/u8:1-ev", "Überwacher", "扁鹊", "😀😀😀😀", "x\u0800y", "\u00a0");

  @Property(tries = 400, edgeCases = EdgeCasesMode.NONE)
  void writesWhatAvroWrites(@ForAll("layouts") Layout layout, @ForAll Random random)
      throws IOException {
    EncodePlan plan = EncodePlan.compile(layout.btf, "random_event", layout.schema);
    assertThat(plan.structSize()).isEqualTo(layout.size);
    for (int i = 0; i < 20; i++) {
      ByteBuffer event = layout.event(random);
      int length = random.nextInt(4) == 0 ? random.nextInt(layout.size + 1) : layout.size;
      int shift = random.nextInt(16);
      ByteBuffer channel = ByteBuffer.allocateDirect(shift + length).order(ByteOrder.nativeOrder());
      channel.put(shift, event, 0, length);
      byte[] out = new byte[plan.maxEncodedSize() + 5];

      int result = plan.encode(channel, shift, length, AGENT, out, 5);

      switch (layout.read(event, length)) {
        case EncodeFailure failure -> assertThat(EncodeFailure.of(result)).isEqualTo(failure);
        case GenericRecord record -> {
          assertThat(Arrays.copyOfRange(out, 5, 5 + result)).isEqualTo(avro(record));
          BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(out, 5, result, null);
          GenericRecord back =
              new GenericDatumReader<GenericRecord>(layout.schema).read(null, decoder);
          assertThat(GenericData.get().compare(back, record, layout.schema)).isZero();
          assertThat(decoder.isEnd()).isTrue();
          assertThat(plan.wallNanos(channel, shift, AGENT)).isEqualTo(record.get("time"));
        }
        default -> fail("neither record nor failure");
      }
    }
  }

  @Property(tries = 400, edgeCases = EdgeCasesMode.NONE)
  void neverWritesMoreThanItSays(@ForAll("layouts") Layout layout) {
    EncodePlan plan = EncodePlan.compile(layout.btf, "random_event", layout.schema);
    // Every bit set makes unsigned numbers the largest, and text all malformed.
    byte[] bytes = new byte[layout.size];
    Arrays.fill(bytes, (byte) 0xff);
    ByteBuffer event = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    for (Placed p : layout.fields) {
      if (p.field.hasLength()) {
        Layout.put(event, p.lengthAt, p.field.lengthWidth, p.field.capacity);
      }
      if (p.field.kind == Kind.ENUM) {
        Layout.put(event, p.at, p.field.width, p.field.capacity - 1);
      }
    }
    // An array outside of which a write would throw.
    byte[] out = new byte[plan.maxEncodedSize()];

    assertThat(plan.encode(event, 0, layout.size, AGENT, out, 0)).isPositive();
  }

  @Property(tries = 1500, edgeCases = EdgeCasesMode.NONE)
  void brokenBtfGivesAPlanThatHoldsOrARefusal(
      @ForAll("layouts") Layout layout, @ForAll Random random) {
    byte[] broken = layout.btfBytes.clone();
    for (int i = random.nextInt(6); i >= 0; i--) {
      broken[24 + random.nextInt(broken.length - 24)] = (byte) random.nextInt();
    }
    EncodePlan plan;
    try {
      plan = EncodePlan.compile(Btf.ofRaw(ByteBuffer.wrap(broken)), "random_event", layout.schema);
    } catch (BtfException | PlanMismatch e) {
      return;
    }
    byte[] out = new byte[plan.maxEncodedSize()];
    for (int i = 0; i < 10; i++) {
      byte[] event = new byte[plan.structSize()];
      random.nextBytes(event);
      int length = random.nextInt(event.length + 1);

      int result = plan.encode(ByteBuffer.wrap(event), 0, length, AGENT, out, 0);

      assertThat(result >= 0 || EncodeFailure.of(result) != EncodeFailure.NO_ROOM).isTrue();
    }
  }

  @Property(tries = 2000)
  void textIsReplacedAsJavaDoesIt(@ForAll("bytesNearUtf8") byte[] text) {
    int nul = 0;
    while (nul < text.length && text[nul] != 0) {
      nul++;
    }
    byte[] expected =
        new String(text, 0, nul, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
    byte[] out = new byte[10 + 3 * text.length];

    int end = Utf8.writeString(text, 0, text.length, out, 0);

    int prefix = AvroBytes.sizeOfLong(expected.length);
    assertThat(Arrays.copyOfRange(out, prefix, end)).isEqualTo(expected);
  }

  @Property(tries = 2000)
  void numbersAreWrittenAsAvroDoesIt(@ForAll long any, @ForAll int bits) throws IOException {
    long value = any >> (bits & 63);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
    encoder.writeLong(value);
    encoder.flush();
    byte[] out = new byte[AvroBytes.MAX_LONG];

    int end = AvroBytes.writeLong(value, out, 0);

    assertThat(Arrays.copyOf(out, end)).isEqualTo(bytes.toByteArray());
    assertThat(AvroBytes.sizeOfLong(value)).isEqualTo(end);
  }

  private static byte[] avro(GenericRecord record) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
    new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
    encoder.flush();
    return bytes.toByteArray();
  }

  @Provide
  Arbitrary<Layout> layouts() {
    Arbitrary<Field> field =
        Combinators.combine(
                Arbitraries.of(Kind.class),
                Arbitraries.of(1, 2, 4, 8),
                Arbitraries.of(true, false),
                Arbitraries.of(true, false),
                Arbitraries.integers().between(1, 130),
                Arbitraries.of(1, 2, 4, 8))
            .as((kind, width, signed, nullable, capacity, lengthWidth) ->
                new Field(
                    kind,
                    kind == Kind.ENUM ? Math.min(width, 4) : width,
                    signed,
                    nullable,
                    capacity,
                    lengthWidth));
    return Combinators.combine(field.list().ofMaxSize(12), Arbitraries.longs()).as(Layout::new);
  }

  @Provide
  Arbitrary<byte[]> bytesNearUtf8() {
    Arbitrary<Byte> lead =
        Arbitraries.of(
            (byte) 0xc1,
            (byte) 0xc3,
            (byte) 0xe0,
            (byte) 0xe2,
            (byte) 0xed,
            (byte) 0xf0,
            (byte) 0xf4,
            (byte) 0xf5);
    Arbitrary<Byte> next =
        Arbitraries.of(
            (byte) 0x80,
            (byte) 0x8f,
            (byte) 0x90,
            (byte) 0x9f,
            (byte) 0xa0,
            (byte) 0xbf,
            (byte) 'a');
    return Arbitraries.oneOf(lead, next, next, Arbitraries.bytes())
        .array(byte[].class)
        .ofMaxSize(12);
  }
}
