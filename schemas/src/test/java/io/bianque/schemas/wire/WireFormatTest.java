package io.bianque.schemas.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.schemas.wire.UnreadableRecord.Reason;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

class WireFormatTest {
  private static final List<Schema> SCHEMAS = RandomRecords.schemas();
  // Made once: to resolve a schema takes longer than to read a thousand records.
  private static final Map<Schema, AvroReader<GenericRecord>> READERS =
      SCHEMAS.stream()
          .collect(Collectors.toMap(schema -> schema, schema -> AvroReader.generic(id -> schema)));

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
