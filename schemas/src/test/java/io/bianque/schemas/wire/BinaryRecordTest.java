package io.bianque.schemas.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.schemas.wire.DerivedRecord.Mapping;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BinaryRecordTest {
  private static final List<Schema> SCHEMAS = RandomRecords.schemas();
  private static final Map<Schema, AvroReader<GenericRecord>> WHOLE =
      SCHEMAS.stream().collect(Collectors.toMap(s -> s, s -> AvroReader.generic(id -> s)));
  private static final Map<Schema, AvroReader<GenericRecord>> LAZY =
      SCHEMAS.stream().collect(Collectors.toMap(s -> s, s -> AvroReader.lazy(id -> s)));

  /** What reads all at once is the oracle. */
  @Property(tries = 500)
  void everyFieldIsWhatItIsWhenAllAreRead(@ForAll long seed) {
    Random random = new Random(seed);
    Schema schema = SCHEMAS.get(random.nextInt(SCHEMAS.size()));
    byte[] bytes = AvroWriter.generic(1, schema).write(RandomRecords.record(schema, random));

    GenericRecord lazy = LAZY.get(schema).read(bytes);
    GenericRecord whole = WHOLE.get(schema).read(bytes);

    List<Schema.Field> fields = new ArrayList<>(schema.getFields());
    Collections.shuffle(fields, random);
    for (Schema.Field field : fields) {
      assertThat(lazy.get(field.pos())).isEqualTo(whole.get(field.pos()));
      assertThat(lazy.get(field.name())).isEqualTo(whole.get(field.pos()));
    }
    assertThat(lazy).hasToString(whole.toString());
  }

  /** Cut and bitten records: a lazy reader must find at once what others find. */
  @Property(tries = 2000)
  void isUnreadableWhenItIsToOthers(@ForAll long seed) {
    Random random = new Random(seed);
    Schema schema = SCHEMAS.get(random.nextInt(SCHEMAS.size()));
    byte[] bytes = AvroWriter.generic(1, schema).write(RandomRecords.record(schema, random));
    if (bytes.length == WireFormat.HEADER) {
      return;
    }
    byte[] bad =
        Arrays.copyOf(
            bytes,
            random.nextBoolean() ? bytes.length : WireFormat.HEADER + random.nextInt(bytes.length));
    if (bad.length > WireFormat.HEADER) {
      bad[WireFormat.HEADER + random.nextInt(bad.length - WireFormat.HEADER)] =
          (byte) random.nextInt();
    }

    assertThat(reason(LAZY.get(schema), bad)).isEqualTo(reason(WHOLE.get(schema), bad));
  }

  private static Optional<UnreadableRecord.Reason> reason(
      AvroReader<GenericRecord> reader, byte[] bytes) {
    try {
      var _ = reader.read(bytes);
      return Optional.empty();
    } catch (UnreadableRecord e) {
      return Optional.of(e.reason());
    }
  }

  /** Fields in any order, some of them the source's: the same bytes as of a record of its own. */
  @Property(tries = 500)
  void whatIsDerivedIsWrittenAsIfAllWerePut(@ForAll long seed) {
    Random random = new Random(seed);
    Schema schema = SCHEMAS.get(random.nextInt(SCHEMAS.size()));
    byte[] bytes = AvroWriter.generic(1, schema).write(RandomRecords.record(schema, random));
    GenericRecord source = LAZY.get(schema).read(bytes);
    List<Integer> order = new ArrayList<>();
    schema.getFields().forEach(field -> order.add(field.pos()));
    if (random.nextBoolean()) {
      Collections.shuffle(order, random);
    }
    Schema derived = Schema.createRecord("derived", null, "io.bianque", false);
    derived.setFields(
        order.stream()
            .map(i -> new Schema.Field("f" + i, schema.getFields().get(i).schema()))
            .toList());
    Map<Integer, Integer> taken = new HashMap<>();
    GenericRecord plain = new GenericData.Record(derived);
    for (int i = 0; i < order.size(); i++) {
      if (random.nextInt(3) > 0) {
        taken.put(i, order.get(i));
      }
      plain.put(i, source.get(order.get(i)));
    }
    Mapping mapping = new Mapping(derived, taken);
    GenericRecord record = filled(mapping, order, source);
    for (int i = 0; i < order.size(); i++) {
      assertThat(record.get(i)).isEqualTo(plain.get(i));
    }

    AvroWriter<GenericRecord> writer = AvroWriter.generic(2, derived);
    assertThat(writer.write(record)).isEqualTo(writer.write(plain));
    // And of a source that has no bytes.
    GenericRecord whole = WHOLE.get(schema).read(bytes);
    assertThat(writer.write(filled(mapping, order, whole))).isEqualTo(writer.write(plain));
  }

  /** What the mapping takes of the source, and all else put. */
  private static GenericRecord filled(Mapping mapping, List<Integer> order, GenericRecord source) {
    GenericRecord record = new DerivedRecord(mapping, source);
    for (int i = 0; i < order.size(); i++) {
      if (mapping.from(i) < 0) {
        record.put(i, source.get(order.get(i)));
      }
    }
    return record;
  }

  @Test
  void bytesAreTakenOnlyOfWhatIsWrittenAlike() {
    Schema nullFirst = parse("[\"null\", {\"type\": \"long\", \"logicalType\": \"counter\"}]");
    assertThat(Mapping.canTake(parse("[\"null\", \"long\"]"), nullFirst)).isTrue();
    assertThat(Mapping.canTake(parse("[\"long\", \"null\"]"), nullFirst)).isFalse();
    assertThat(Mapping.canTake(parse("\"long\""), nullFirst)).isFalse();
    assertThat(Mapping.canTake(parse("\"string\""), parse("\"bytes\""))).isFalse();
  }

  /** A task may name itself with any bytes, and an agent that is not ours pass them on. */
  @ParameterizedTest
  @ValueSource(strings = {"ff41", "e9", "6e67696e7872756e6e6572c3", "eda080", "c3a4", "4142"})
  void textThatIsNoUtf8IsPassedOnAsItIsRead(String hex) throws IOException {
    Schema schema =
        parse(
            """
            {"type": "record", "name": "r", "fields": [
              {"name": "n", "type": "int"}, {"name": "comm", "type": "string"},
              {"name": "all", "type": {"type": "map", "values": "int"}}]}\
            """);
    byte[] text = HexFormat.of().parseHex(hex);
    for (boolean ofKey : List.of(true, false)) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
      encoder.writeInt(7);
      encoder.writeBytes(ofKey ? new byte[] {'k'} : text);
      encoder.writeLong(1);
      encoder.writeBytes(ofKey ? text : new byte[] {'k'});
      encoder.writeInt(8);
      encoder.writeLong(0);
      byte[] bytes = WireFormat.frame(1, out.toByteArray());
      Mapping all = new Mapping(schema, Map.of(0, 0, 1, 1, 2, 2));
      AvroWriter<GenericRecord> writer = AvroWriter.generic(1, schema);

      GenericRecord derived = new DerivedRecord(all, AvroReader.lazy(id -> schema).read(bytes));

      assertThat(writer.write(derived))
          .isEqualTo(writer.write(AvroReader.generic(id -> schema).read(bytes)));
    }
  }

  @Test
  void whatWasReadIsNotChanged() {
    Schema schema = RandomRecords.dropwatch();
    GenericRecord written = RandomRecords.record(schema, new Random(1));
    GenericRecord read =
        AvroReader.lazy(id -> schema).read(AvroWriter.generic(1, schema).write(written));

    assertThatThrownBy(() -> read.put("comm", "x"))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> new DerivedRecord(new Mapping(schema, Map.of(3, 3)), read).put(3, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("'cpu' is the source's");
  }

  /** Two of one slot take turns. */
  @Test
  void aTextIsTheSameWhenItComesAgainAndNeverAnother() {
    RecentTexts texts = new RecentTexts();
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      String text = "host-" + random.nextInt(5_000) + "\u00e4".repeat(random.nextInt(40));
      byte[] utf8 = ("x" + text + "y").getBytes(java.nio.charset.StandardCharsets.UTF_8);
      assertThat(texts.text(utf8, 1, utf8.length - 2)).isEqualTo(text);
      if (utf8.length - 2 <= 64) {
        assertThat(texts.text(utf8, 1, utf8.length - 2))
            .isSameAs(texts.text(utf8, 1, utf8.length - 2));
      }
    }
  }

  private static Schema parse(String json) {
    return new Schema.Parser().parse(json);
  }
}
