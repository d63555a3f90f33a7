package io.bianque.schemas.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.bianque.facts.Gap;
import io.bianque.facts.LedgerRow;
import io.bianque.schemas.registry.UnknownSchemaId;
import io.bianque.schemas.registry.WriterSchemas;
import io.bianque.schemas.wire.UnreadableRecord.Reason;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AvroReaderTest {
  private static final Schema V1 =
      parse(
          "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"old\",\"type\":{\"type\":\"array\",\"items\":\"string\"}}]}");
  private static final Schema V2 =
      parse(
          "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"b\",\"type\":\"string\",\"default\":\"none\"},{\"name\":\"a\",\"type\":\"long\"}]}");
  private static final Schema OTHER =
      parse(
          "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"}]}");

  @Test
  void aRecordIsResolvedIntoTheReadersSchema() {
    GenericRecord written =
        new GenericRecordBuilder(V1).set("a", 7).set("old", List.of("x", "y")).build();

    GenericRecord read =
        AvroReader.generic(id -> V1, V2).read(AvroWriter.generic(1, V1).write(written));

    assertThat(read.get("a")).isEqualTo(7L);
    assertThat(read.get("b")).isEqualTo("none");
  }

  @Test
  void blocksThatSayTheirSizeAreReadAndSkipped() throws Exception {
    // Given: as other languages' writers may do, in two blocks with their sizes
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
    encoder.writeInt(7);
    for (String word : new String[] {"x", "y"}) {
      encoder.writeLong(-1);
      encoder.writeLong(2);
      encoder.writeString(word);
    }
    encoder.writeLong(0);
    byte[] record = WireFormat.frame(1, out.toByteArray());

    // When, then
    assertThat(AvroReader.generic(id -> V1).read(record))
        .hasToString("{\"a\": 7, \"old\": [\"x\", \"y\"]}");
    assertThat(AvroReader.generic(id -> V1, V2).read(record))
        .hasToString("{\"b\": \"none\", \"a\": 7}");
  }

  @Test
  void stringsAreJavaStrings() {
    GenericRecord record = RandomRecords.record(RandomRecords.dropwatch(), new Random(1));

    GenericRecord read =
        AvroReader.generic(id -> record.getSchema())
            .read(AvroWriter.generic(1, record.getSchema()).write(record));

    assertThat(read.get("host_id")).isInstanceOf(String.class);
  }

  @Test
  void generatedClassesRoundTripWithTheirTimes() {
    Instant time = Instant.ofEpochSecond(1_763_800_000, 123_456_789);
    LedgerRow row =
        LedgerRow.newBuilder()
            .setHostId("h")
            .setBootId("b")
            .setEpoch(1)
            .setProbe("dropwatch")
            .setTime(time)
            .setAttempted(10)
            .setRateLimited(1)
            .setRingFull(0)
            .setMissed(0)
            .setEncodeFailed(0)
            .setSpoolDropped(0)
            .setInFlight(0)
            .setAcked(9)
            .setReceived(9)
            .setEnriched(8)
            .setIgnored(Map.of("close-wait", 1L))
            .setDeadLettered(0)
            .setDuplicates(0)
            .setWaiting(0)
            .setUnaccounted(0)
            .setGap(new Gap(0L, time, time.plusNanos(1)))
            .build();

    byte[] bytes = AvroWriter.specific(3, LedgerRow.class).write(row);

    assertThat(AvroReader.specific(id -> LedgerRow.getClassSchema(), LedgerRow.class).read(bytes))
        .isEqualTo(row);
    assertThat(AvroReader.generic(id -> LedgerRow.getClassSchema()).read(bytes).get("time"))
        .isEqualTo(1_763_800_000_123_456_789L);
  }

  @Test
  void anUnknownIdIsUnreadable() {
    WriterSchemas none =
        id -> {
          throw new UnknownSchemaId("no schema has id " + id);
        };
    assertThatThrownBy(() -> AvroReader.generic(none).read(new byte[] {0, 0, 0, 0, 9, 1}))
        .isInstanceOf(UnreadableRecord.class)
        .hasMessage("unknown-schema-id: no schema has id 9");
  }

  @Test
  void anIncompatibleSchemaIsUnreadableAndSaysWhere() {
    byte[] record =
        AvroWriter.generic(1, OTHER).write(new GenericRecordBuilder(OTHER).set("a", "x").build());

    UnreadableRecord thrown =
        catchThrowableOfType(
            UnreadableRecord.class, () -> AvroReader.generic(id -> OTHER, V2).read(record));
    assertThat(thrown.reason()).isEqualTo(Reason.INCOMPATIBLE_SCHEMA);
    assertThat(thrown.detail()).contains("TYPE_MISMATCH").contains("/fields/1/type");
  }

  @Test
  void aSchemaIsAskedForOnceAReader() {
    AtomicInteger asked = new AtomicInteger();
    AvroReader<GenericRecord> reader =
        AvroReader.generic(id -> {
          asked.incrementAndGet();
          return OTHER;
        });
    byte[] record =
        AvroWriter.generic(1, OTHER).write(new GenericRecordBuilder(OTHER).set("a", "x").build());

    reader.read(record);
    reader.read(record);

    assertThat(asked).hasValue(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          7b22           | NOT_AVRO  | the first byte is 0x7b, not the wire format's 0x00
          0000           | TRUNCATED | 2 bytes are no whole header of 5
          00000000010f   | NOT_AVRO  | a length is -8 at byte 1 of the body (schema id 1)
          0000000001ffffffffffffffffff01 | NOT_AVRO | a length is -9223372036854775808
          0000000001feffffffffffffffff01 | TRUNCATED | 9223372036854775807 bytes are announced where 0 are left
          0000000001ffffffffffffffffff02 | NOT_AVRO | a long has more than 64 bits
          """)
  void aBadBodySaysWhatAndWhere(String hex, Reason reason, String detail) {
    UnreadableRecord thrown =
        catchThrowableOfType(
            UnreadableRecord.class,
            () -> AvroReader.generic(id -> OTHER).read(HexFormat.of().parseHex(hex)));
    assertThat(thrown.reason()).isEqualTo(reason);
    assertThat(thrown.detail()).startsWith(detail);
  }

  @Test
  void aHugeLengthAllocatesNothing() throws Exception {
    // Given: string, bytes and array that announce 2^31 - 9 elements in a few bytes
    Schema schema =
        parse(
            "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"string\",\"bytes\",{\"type\":\"array\",\"items\":\"long\"},{\"type\":\"map\",\"values\":\"long\"}]}]}");
    AvroReader<GenericRecord> reader = AvroReader.generic(id -> schema);
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    for (int branch = 0; branch < 4; branch++) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
      encoder.writeIndex(branch);
      encoder.writeLong(Integer.MAX_VALUE - 8);
      encoder.writeLong(1);
      byte[] record = WireFormat.frame(1, out.toByteArray());
      assertThat(catchThrowableOfType(UnreadableRecord.class, () -> reader.read(record)).reason())
          .isEqualTo(Reason.TRUNCATED);

      // When
      long before = threads.getCurrentThreadAllocatedBytes();
      try {
        reader.read(record);
      } catch (UnreadableRecord expected) {
        // Then
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1 << 20);
      }
    }
  }

  @Test
  void kafkasSerdesLeaveTombstonesAlone() {
    var serializer = new AvroSerializer<>(AvroWriter.generic(1, OTHER));
    var deserializer = new AvroDeserializer<>(AvroReader.generic(id -> OTHER));
    GenericRecord record = new GenericData.Record(OTHER);
    record.put("a", "x");

    assertThat(serializer.serialize("t", null)).isNull();
    assertThat(deserializer.deserialize("t", null)).isNull();
    assertThat(deserializer.deserialize("t", serializer.serialize("t", record)).get("a"))
        .isEqualTo("x");
  }

  private static Schema parse(String json) {
    return new Schema.Parser().parse(json);
  }
}
