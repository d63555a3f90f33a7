package io.bianque.sinks.document;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Test;

class DocumentWriterTest {
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(
              DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY,
              DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Every type that a probe's schema may have, which no probe has all of. */
  private static final Schema ALL_TYPES =
      new Schema.Parser()
          .parse(
              """
              {"type":"record","name":"alltypes","fields":[
               {"name":"event_id","type":"string"},
               {"name":"time","type":{"type":"long","logicalType":"timestamp-nanos"},"ecs":"@timestamp"},
               {"name":"an_int","type":"int","ecs":"process.pid"},
               {"name":"a_long","type":["null","long"]},
               {"name":"big","type":{"type":"long","logicalType":"uint64"}},
               {"name":"a_float","type":"float"},
               {"name":"a_double","type":"double"},
               {"name":"flag","type":"boolean"},
               {"name":"address","type":["null","bytes"]},
               {"name":"mac","type":{"type":"fixed","name":"mac","size":6}},
               {"name":"kind","type":{"type":"enum","name":"kind","symbols":["A","B"]}},
               {"name":"words","type":["null",{"type":"array","items":"string"}]},
               {"name":"counts","type":{"type":"map","values":"long"}},
               {"name":"gap","type":["null",{"type":"record","name":"gap","fields":[
                 {"name":"from","type":{"type":"long","logicalType":"timestamp-nanos"}},
                 {"name":"why","type":["null","string"]}]}]}
              ]}\
              """);

  @Property(tries = 500)
  void writesWhatTheNaiveRenderingSays(@ForAll("events") GenericRecord event) throws IOException {
    JsonBytes out = new JsonBytes(16);
    new DocumentWriter(DocumentLayout.of(event.getSchema()), "default").write(event, out);

    // Through text on both sides: the two trees differ in how they hold numbers, not in what they
    // say.
    JsonNode expected = JSON.readTree(JSON.writeValueAsBytes(NaiveDocument.of(event, "default")));
    assertThat(JSON.readTree(out.copy())).isEqualTo(expected);
    assertThat(new String(out.copy(), StandardCharsets.UTF_8))
        .as("one line")
        .doesNotContain("\n", "\r");
  }

  @Property(tries = 500)
  void anyTextComesBackAsItWent(@ForAll String text) throws IOException {
    String valid = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);

    assertThat(JSON.readTree(new JsonBytes(1).string(valid).finish().copy()).textValue())
        .isEqualTo(valid);
    assertThat(JSON.readTree(new JsonBytes(1).string(new Utf8(valid)).finish().copy()).textValue())
        .isEqualTo(valid);
  }

  @Property(tries = 500)
  void anyBytesThatClaimToBeTextMakeValidJson(@ForAll byte[] bytes) throws IOException {
    String json =
        new String(
            new JsonBytes(1).string(new Utf8(bytes)).finish().copy(), StandardCharsets.UTF_8);

    assertThat(JSON.readTree(json).textValue())
        .isEqualTo(new String(bytes, StandardCharsets.UTF_8));
  }

  @Property(tries = 500)
  void numbersComeBackAsTheyWent(@ForAll long number) {
    assertThat(
            new String(new JsonBytes(1).number(number).finish().copy(), StandardCharsets.US_ASCII))
        .isEqualTo(Long.toString(number));
  }

  @Test
  void theExtremeNumbersComeBackToo() {
    for (long number :
        new long[] {
          0,
          9,
          10,
          Long.MAX_VALUE,
          Long.MIN_VALUE,
          999_999_999_999_999_999L,
          1_000_000_000_000_000_000L
        }) {
      numbersComeBackAsTheyWent(number);
    }
  }

  @Test
  void escapesWhatWouldBreakALine() {
    JsonBytes out = new JsonBytes(1).string("a\"b\\c\nd\te\u0000f\u001fg\u007fhé€😀").finish();

    assertThat(new String(out.copy(), StandardCharsets.UTF_8))
        .isEqualTo("\"a\\\"b\\\\c\\nd\\te\\u0000f\\u001fg\u007fhé€😀\"");
  }

  @Test
  void keepsEveryNanosecond() throws IOException {
    assertThat(timestamp(1_795_355_000_123_456_789L)).isEqualTo("2026-11-22T13:43:20.123456789Z");
    assertThat(timestamp(1_795_355_000_000_000_001L)).isEqualTo("2026-11-22T13:43:20.000000001Z");
    assertThat(timestamp(-1)).isEqualTo("1969-12-31T23:59:59.999999999Z");
  }

  @Test
  void leavesOutWhatIsNullWithTheObjectAroundIt() throws IOException {
    GenericRecord event = new Events(new Random(1), true).of(dropwatch());

    JsonNode document = document(event);

    assertThat(document.has("source")).isFalse();
    assertThat(document.has("observer")).isFalse();
    assertThat(document.at("/process/pid").isNumber()).isTrue();
  }

  @Test
  void putsTheIdFirstWhereItHasNoOtherPlace() {
    GenericRecord event = new Events(new Random(1), false).of(dropwatch());
    event.put("event_id", "bianque.raw.dropwatch-3-17");
    JsonBytes out = new JsonBytes(16);

    new DocumentWriter(DocumentLayout.of(event.getSchema()), "default").writeWithId(event, out);

    assertThat(new String(out.copy(), StandardCharsets.UTF_8))
        .startsWith("{\"_id\":\"bianque.raw.dropwatch-3-17\",\"@timestamp\":\"");
  }

  private static String timestamp(long nanos) throws IOException {
    GenericRecord event = new Events(new Random(1), false).of(dropwatch());
    event.put("time", nanos);
    return document(event).get("@timestamp").textValue();
  }

  private static JsonNode document(GenericRecord event) throws IOException {
    JsonBytes out = new JsonBytes(16);
    new DocumentWriter(DocumentLayout.of(event.getSchema()), "default").write(event, out);
    return JSON.readTree(out.copy());
  }

  private static Schema dropwatch() {
    Catalogue catalogue = Catalogue.load();
    return catalogue.schema(catalogue.topic(Topics.enriched("dropwatch")));
  }

  @Provide
  Arbitrary<GenericRecord> events() {
    Arbitrary<Schema> schemas = Arbitraries.of(dropwatch(), ALL_TYPES);
    return schemas.flatMap(
        schema -> Arbitraries.randoms().map(random -> new Events(random, false).of(schema)));
  }

  /** Makes events of any schema; every nullable field is null in some of them, or in all. */
  private record Events(Random random, boolean allNull) {
    GenericRecord of(Schema schema) {
      GenericRecord record = new GenericData.Record(schema);
      schema.getFields().forEach(field -> record.put(field.pos(), value(field.schema())));
      return record;
    }

    private Object value(Schema schema) {
      return switch (schema.getType()) {
        case UNION ->
            allNull || random.nextInt(4) == 0
                ? null
                : value(
                    schema.getTypes().stream()
                        .filter(s -> s.getType() != Schema.Type.NULL)
                        .findFirst()
                        .orElseThrow());
        case STRING -> random.nextBoolean() ? text() : new Utf8(text());
        case INT -> random.nextInt();
        case LONG -> random.nextLong() >> random.nextInt(64);
        case FLOAT -> random.nextFloat() * 1e10f;
        case DOUBLE -> random.nextDouble() * 1e100;
        case BOOLEAN -> random.nextBoolean();
        case BYTES -> ByteBuffer.wrap(bytes(random.nextInt(20)));
        case FIXED -> new GenericData.Fixed(schema, bytes(schema.getFixedSize()));
        case ENUM ->
            new GenericData.EnumSymbol(
                schema,
                schema.getEnumSymbols().get(random.nextInt(schema.getEnumSymbols().size())));
        case ARRAY -> {
          List<Object> items = new ArrayList<>();
          for (int i = random.nextInt(6); i > 0; i--) {
            items.add(value(schema.getElementType()));
          }
          yield items;
        }
        case MAP -> {
          Map<String, Object> items = new LinkedHashMap<>();
          for (int i = random.nextInt(4); i > 0; i--) {
            items.put(text() + i, value(schema.getValueType()));
          }
          yield items;
        }
        case RECORD -> of(schema);
        case NULL -> null;
      };
    }

    private byte[] bytes(int count) {
      byte[] bytes = new byte[count];
      random.nextBytes(bytes);
      return bytes;
    }

    private String text() {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(12); i > 0; i--) {
        text.appendCodePoint(
            switch (random.nextInt(6)) {
              case 0 -> random.nextInt(0x20);
              case 1 -> "\"\\/<>&\u2028\u007f".charAt(random.nextInt(8));
              case 2 -> 0x80 + random.nextInt(0x2000);
              case 3 -> 0x10000 + random.nextInt(0x10000);
              default -> ' ' + random.nextInt(95);
            });
      }
      return text.toString();
    }
  }
}
