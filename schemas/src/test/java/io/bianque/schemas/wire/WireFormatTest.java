package io.bianque.schemas.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.schemas.wire.UnreadableRecord.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;

class WireFormatTest {
  private static final List<Schema> SCHEMAS = RandomRecords.schemas();
  // Made once: to resolve a schema takes longer than to read a thousand records.
  private static final Map<Schema, AvroReader<GenericRecord>> READERS =
      SCHEMAS.stream()
          .collect(Collectors.toMap(schema -> schema, schema -> AvroReader.generic(id -> schema)));

  /** Avro's own writer is the oracle. */
  @Property(tries = 500)
  void bytesAreThoseOfAvrosOwnWriter(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    Schema schema = SCHEMAS.get(random.nextInt(SCHEMAS.size()));
    GenericRecord record = RandomRecords.record(schema, random);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
    new GenericDatumWriter<GenericRecord>(schema, new GenericData()).write(record, encoder);

    byte[] written = AvroWriter.generic(1, schema).write(record);
    assertThat(Arrays.copyOfRange(written, WireFormat.HEADER, written.length))
        .isEqualTo(out.toByteArray());
  }

  @Test
  void textsThatAreEncodedOnceAreWrittenAsIfTheyWereNot() {
    Schema schema =
        SchemaBuilder.record("r")
            .fields()
            .name("t")
            .type()
            .array()
            .items()
            .stringType()
            .noDefault()
            .endRecord();
    AvroWriter<GenericRecord> writer = AvroWriter.generic(1, schema);
    for (List<String> texts :
        List.of(List.<String>of(), List.of("a", "", "veth_xmit+0x4 [ve\u00e4]"))) {
      GenericRecord plain = new GenericData.Record(schema);
      plain.put("t", texts);
      GenericRecord encoded = new GenericData.Record(schema);
      encoded.put("t", new EncodedTexts(texts));
      assertThat(writer.write(encoded)).isEqualTo(writer.write(plain));
      assertThat(encoded.get("t")).isEqualTo(texts);
    }
  }

  @Test
  void whatIsDerivedOfTextsIsMadeOnceForWhoAsksAndNeverGivenToAnother() {
    EncodedTexts texts = new EncodedTexts(List.of("a", "b"));
    Object one = new Object();
    Object other = new Object();
    int[] made = new int[1];
    Function<EncodedTexts, List<Integer>> count = t -> List.of(t.size(), ++made[0]);

    assertThat(texts.derived(one, count)).containsExactly(2, 1);
    assertThat(texts.derived(one, count)).containsExactly(2, 1);
    assertThat(texts.derived(other, count)).containsExactly(2, 2);
    assertThat(texts.derived(one, count)).containsExactly(2, 3);
  }

  @Test
  void aValueThatDoesNotFitIsNamed() {
    GenericRecord record = RandomRecords.record(RandomRecords.dropwatch(), new Random(1));
    record.put("comm", null);
    assertThatThrownBy(() -> AvroWriter.generic(1, record.getSchema()).write(record))
        .isInstanceOf(AvroRuntimeException.class)
        .hasMessageContaining("comm")
        .hasMessageContaining("null");
  }

  @Property(tries = 300)
  void whatIsWrittenIsRead(
      @ForAll("schemas") Schema schema, @ForAll long seed, @ForAll @IntRange(min = 0) int id) {
    GenericRecord record = RandomRecords.record(schema, new Random(seed));

    byte[] bytes = AvroWriter.generic(id, schema).write(record);

    assertThat(WireFormat.schemaId(bytes)).isEqualTo(id);
    GenericRecord read = reader(schema).read(bytes);
    assertThat(read).hasToString(record.toString());
    assertThat(AvroWriter.generic(id, schema).write(read).length).isEqualTo(bytes.length);
  }

  @Property(tries = 50)
  void anyPrefixIsTruncated(@ForAll("schemas") Schema schema, @ForAll long seed) {
    byte[] bytes =
        AvroWriter.generic(1, schema).write(RandomRecords.record(schema, new Random(seed)));
    AvroReader<GenericRecord> reader = reader(schema);

    for (int length = 0; length < bytes.length; length++) {
      byte[] prefix = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> reader.read(prefix))
          .as("prefix of %d of %d bytes", length, bytes.length)
          .isInstanceOf(UnreadableRecord.class)
          .hasMessageStartingWith("truncated: ");
    }
  }

  @Property(tries = 50)
  void anythingThatFollowsIsRefused(
      @ForAll("schemas") Schema schema,
      @ForAll long seed,
      @ForAll @Size(min = 1, max = 8) byte[] more) {
    byte[] bytes =
        AvroWriter.generic(1, schema).write(RandomRecords.record(schema, new Random(seed)));
    byte[] longer = Arrays.copyOf(bytes, bytes.length + more.length);
    System.arraycopy(more, 0, longer, bytes.length, more.length);

    assertThatThrownBy(() -> reader(schema).read(longer))
        .isInstanceOf(UnreadableRecord.class)
        .hasMessage(
            "not-avro: %d bytes follow the end of the record (schema id 1)".formatted(more.length));
  }

  @Property(tries = 1000)
  void arbitraryBytesAreReadOrUnreadable(
      @ForAll("schemas") Schema schema, @ForAll @Size(max = 300) byte[] body) {
    readOrUnreadable(schema, WireFormat.frame(1, body));
  }

  @Property(tries = 1000)
  void damagedRecordsAreReadOrUnreadable(
      @ForAll("schemas") Schema schema,
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 4) int damages) {
    Random random = new Random(seed);
    byte[] bytes = AvroWriter.generic(1, schema).write(RandomRecords.record(schema, random));
    for (int i = 0; i < damages; i++) {
      int at = WireFormat.HEADER + random.nextInt(bytes.length - WireFormat.HEADER);
      bytes[at] = (byte) random.nextInt();
    }

    readOrUnreadable(schema, bytes);
  }

  // Anything else that is thrown fails the property; so would an allocation beyond the test's heap.
  private static void readOrUnreadable(Schema schema, byte[] bytes) {
    try {
      reader(schema).read(bytes);
    } catch (UnreadableRecord e) {
      assertThat(e.reason()).isIn(Reason.TRUNCATED, Reason.NOT_AVRO);
      assertThat(e.detail()).isNotBlank();
    }
  }

  private static AvroReader<GenericRecord> reader(Schema schema) {
    return READERS.get(schema);
  }

  @Provide
  Arbitrary<Schema> schemas() {
    return Arbitraries.of(SCHEMAS);
  }
}
