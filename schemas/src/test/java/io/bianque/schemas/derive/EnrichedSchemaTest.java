package io.bianque.schemas.derive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.schemas.raw.InvalidSchema;
import io.bianque.schemas.raw.Meaning;
import io.bianque.schemas.raw.UserFrames;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.avro.JsonProperties;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EnrichedSchemaTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "int"                                                                      | "int"
          ["null","string"]                                                          | ["null","string"]
          {"type":"long","logicalType":"timestamp-nanos"}                            | {"type":"long","logicalType":"timestamp-nanos"}
          {"type":"long","logicalType":"uint64"}                                     | {"type":"long","logicalType":"uint64"}
          {"type":"long","logicalType":"sequence"}                                   | "long"
          {"type":"long","logicalType":"cgroup-id"}                                  | "long"
          {"type":"string","logicalType":"host-id"}                                  | "string"
          {"type":"array","items":"long","logicalType":"kernel-stack"}               | {"type":"array","items":"string"}
          ["null",{"type":"array","items":"long","logicalType":"kernel-stack"}]      | ["null",{"type":"array","items":"string"}]
          {"type":"long","logicalType":"kernel-address"}                             | "string"
          ["null",{"type":"int","logicalType":"tcp-state"}]                          | ["null","string"]
          {"type":"long","logicalType":"counter"}                                    | "long"
          {"type":"array","items":"long","logicalType":"log2-histogram"}             | {"type":"array","items":"long"}
          {"type":"int","logicalType":"ip-protocol"}                                 | "string"
          {"type":"int","logicalType":"ether-type"}                                  | "string"
          ["null",{"type":"int","logicalType":"tcp-flags"}]                          | ["null",{"type":"array","items":"string"}]
          {"type":"enum","name":"e","symbols":["A","B"]}                             | "string"
          """)
  void eachMeaningHasItsDescendant(String raw, String enriched) {
    Schema derived = EnrichedSchema.of(record(new Schema.Field("f", parse(raw), "Doc.")));

    assertThat(own(derived))
        .singleElement()
        .satisfies(field -> {
          assertThat(field.schema()).isEqualTo(parse(enriched));
          assertThat(field.doc()).startsWith("Doc.");
        });
  }

  @Test
  void anAddressBecomesItsTextAndItsName() {
    Schema.Field saddr =
        new Schema.Field(
            "saddr", parse("{\"type\":\"bytes\",\"logicalType\":\"ip-address\"}"), "Doc.");
    saddr.addProp("ecs", "source.ip");
    saddr.addProp("lengthIn", "n");

    List<Schema.Field> fields = own(EnrichedSchema.of(record(saddr)));

    assertThat(fields).extracting(Schema.Field::name).containsExactly("saddr", "saddr_name");
    assertThat(fields.getFirst().schema())
        .isEqualTo(parse("[\"null\",{\"type\":\"string\",\"logicalType\":\"ip\"}]"));
    assertThat(fields)
        .extracting(f -> f.getProp("ecs"))
        .containsExactly("source.ip", "source.domain");
    assertThat(fields).extracting(f -> f.getProp("lengthIn")).containsOnlyNulls();
  }

  @Test
  void anAddressThatIsLocatedHasItsPlaceBesideItsName() {
    Schema.Field daddr =
        new Schema.Field(
            "daddr",
            parse("{\"type\":\"bytes\",\"logicalType\":\"ip-address\",\"located\":true}"),
            "Doc.");
    daddr.addProp("ecs", "destination.ip");

    List<Schema.Field> fields = own(EnrichedSchema.of(record(daddr)));

    assertThat(fields)
        .extracting(Schema.Field::name)
        .containsExactly("daddr", "daddr_name", "daddr_site", "daddr_owner");
    assertThat(fields.subList(1, 4))
        .allSatisfy(field -> {
          assertThat(field.schema()).isEqualTo(parse("[\"null\",\"string\"]"));
          assertThat(field.hasDefaultValue()).isTrue();
        });
    assertThat(fields)
        .extracting(f -> f.getProp("ecs"))
        .containsExactly("destination.ip", "destination.domain", "destination.geo.name", null);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aHashedKernelStackHasItsHashesBesideIt(boolean nullable) {
    Schema.Field stack =
        field(
            "{\"type\":\"array\",\"items\":\"long\",\"logicalType\":\"kernel-stack\",\"hashed\":true}",
            nullable,
            "Doc.",
            "");

    List<Schema.Field> fields = own(EnrichedSchema.of(record(stack)));

    String frames = "{\"type\":\"array\",\"items\":\"string\"}";
    assertThat(fields)
        .extracting(Schema.Field::name)
        .containsExactly("f", "f_hash", "f_functions_hash");
    assertThat(fields)
        .extracting(Schema.Field::schema)
        .containsExactly(
            parse(nullable ? "[\"null\"," + frames + "]" : frames),
            parse("[\"null\",\"string\"]"),
            parse("[\"null\",\"string\"]"));
    assertThat(fields.subList(1, 3)).allSatisfy(f -> assertThat(f.hasDefaultValue()).isTrue());
  }

  @Test
  void userFramesBecomeAUserStack() {
    Schema frames =
        parse(
            """
            {"type":"array","logicalType":"user-frames","items":{"type":"record","name":"UserFrame","fields":[
              {"name":"build_id","type":["null",{"type":"fixed","name":"BuildId","size":20}]},
              {"name":"offset","type":{"type":"long","logicalType":"uint64"}}]}}\
            """);

    assertThat(own(EnrichedSchema.of(record(new Schema.Field("user_frames", frames, "Doc.")))))
        .singleElement()
        .satisfies(field -> {
          assertThat(field.name()).isEqualTo("user_stack");
          assertThat(field.schema()).isEqualTo(parse("{\"type\":\"array\",\"items\":\"string\"}"));
        });
  }

  /** What was derived for agents without symbols must not change. */
  @Test
  void onlyOfFramesWithSymbolsTheStackSaysThatItHasThem() {
    String frames =
        """
        {"type":"array","logicalType":"user-frames","items":{"type":"record","name":"UserFrame","fields":[
          {"name":"build_id","type":["null",{"type":"fixed","name":"BuildId","size":20}]},
          {"name":"offset","type":{"type":"long","logicalType":"uint64"}}%s]}}\
        """;

    assertThat(docOfStack(frames.formatted(""))).doesNotContain("[jit]");
    assertThat(
            docOfStack(frames.formatted(",{\"name\":\"symbol\",\"type\":[\"null\",\"string\"]}")))
        .contains("symbol [jit] or 0x");
  }

  private static String docOfStack(String frames) {
    return own(EnrichedSchema.of(record(new Schema.Field("user_frames", parse(frames), "Doc."))))
        .getFirst()
        .doc();
  }

  @Test
  void aDropReasonKeepsItsNumber() {
    Schema type = parse("[\"null\",{\"type\":\"long\",\"logicalType\":\"drop-reason\"}]");

    List<Schema.Field> fields =
        own(
            EnrichedSchema.of(
                record(new Schema.Field("reason", type, "Doc.", JsonProperties.NULL_VALUE))));

    assertThat(fields).extracting(Schema.Field::name).containsExactly("reason", "reason_code");
    assertThat(fields)
        .extracting(f -> f.schema().toString())
        .containsExactly("[\"null\",\"string\"]", "[\"null\",\"long\"]");
  }

  @Test
  void theEventsOwnCgroupIsDescribedWithTheEvent() {
    Schema.Field v2 = cgroup("cgroup_id", "unified");
    Schema.Field memory = cgroup("memcg_id", "memory");
    v2.addProp("ecs", "container");
    memory.addProp("ecs", "container");

    List<Schema.Field> fields = own(EnrichedSchema.of(record(v2, memory)));

    assertThat(fields.subList(0, 2))
        .allSatisfy(field -> {
          assertThat(field.schema()).isEqualTo(Schema.create(Schema.Type.LONG));
          assertThat(field.getProp("ecs")).isNull();
        })
        .extracting(Schema.Field::name)
        .containsExactly("cgroup_id", "memcg_id");
    assertThat(fields.subList(2, fields.size()))
        .allSatisfy(field -> assertThat(field.schema()).isEqualTo(parse("[\"null\",\"string\"]")))
        .extracting(Schema.Field::name)
        .isEqualTo(EnrichedSchema.OF_CGROUP);
    assertThat(fields)
        .extracting(field -> field.getProp("ecs"))
        .contains("container.id", "container.image.name", "orchestrator.namespace");
  }

  @Test
  void anyOtherCgroupIsDescribedBesideItsId() {
    Schema enriched =
        EnrichedSchema.of(
            record(cgroup("prev_cgroup_id", "unified"), cgroup("limit_memcg_id", "memory")));

    assertThat(own(enriched))
        .extracting(Schema.Field::name)
        .containsExactly("prev_cgroup_id", "prev_cgroup", "limit_memcg_id", "limit_memcg");
    assertThat(parse(enriched.toString())).isEqualTo(enriched);
    assertThat(Meaning.notNull(enriched.getField("limit_memcg").schema()).getFields())
        .extracting(Schema.Field::name)
        .isEqualTo(EnrichedSchema.OF_CGROUP);
  }

  private static Schema.Field cgroup(String name, String hierarchy) {
    return new Schema.Field(
        name,
        parse(
            "{\"type\":\"long\",\"logicalType\":\"cgroup-id\",\"hierarchy\":\"%s\"}"
                .formatted(hierarchy)),
        "Doc.");
  }

  @Test
  void aTaggedSchemaHasTheFieldsForWhatRulesSay() {
    Schema raw = record(new Schema.Field("f", Schema.create(Schema.Type.INT), "Doc."));
    raw.addProp("tagged", true);

    List<Schema.Field> fields = own(EnrichedSchema.of(raw));

    assertThat(fields)
        .extracting(Schema.Field::name)
        .containsExactly("tags", "rule_severity", "sample_rate", "f");
    assertThat(fields.subList(0, 3))
        .extracting(Schema.Field::schema)
        .containsExactly(
            parse("{\"type\":\"array\",\"items\":\"string\"}"),
            parse("[\"null\",\"string\"]"),
            parse("[\"null\",\"long\"]"));
    assertThat(fields.subList(0, 3)).allSatisfy(f -> assertThat(f.hasDefaultValue()).isTrue());
    assertThat(fields)
        .extracting(field -> field.getProp("ecs"))
        .containsExactly("tags", "log.level", null, null);
  }

  @Test
  void aNameThatIsTakenIsRefused() {
    Schema address = parse("{\"type\":\"bytes\",\"logicalType\":\"ip-address\"}");
    Schema integer = Schema.create(Schema.Type.INT);

    assertThatThrownBy(() -> EnrichedSchema.of(record(new Schema.Field("missing", integer))))
        .isInstanceOf(InvalidSchema.class)
        .hasMessageContaining("'missing': every enriched event has one. Rename the raw one.");
    Schema tagged = record(new Schema.Field("tags", integer));
    tagged.addProp("tagged", true);
    assertThatThrownBy(() -> EnrichedSchema.of(tagged))
        .hasMessageContaining("'tags': every enriched event has one. Rename the raw one.");
    assertThatThrownBy(() ->
            EnrichedSchema.of(
                record(new Schema.Field("a", address), new Schema.Field("a_name", integer))))
        .isInstanceOf(InvalidSchema.class)
        .hasMessageContaining("'a_name': one is derived from another raw field");
  }

  @Property(tries = 300)
  void everyRawFieldHasItsDescendantWithDocAndEcs(@ForAll("rawSchemas") Schema raw) {
    Schema enriched = EnrichedSchema.of(raw);

    assertThat(parse(enriched.toString())).isEqualTo(enriched);
    assertThat(
            enriched.getFields().stream()
                .map(Schema.Field::name)
                .limit(EnrichedSchema.ENVELOPE.size()))
        .isEqualTo(EnrichedSchema.ENVELOPE);
    for (Schema.Field field : raw.getFields()) {
      boolean frames = Meaning.of(field.schema()).equals(Optional.of(Meaning.USER_FRAMES));
      Schema.Field descendant =
          enriched.getField(frames ? UserFrames.stackField(field.name()) : field.name());
      assertThat(descendant.doc()).startsWith(field.doc());
      assertThat(descendant.getProp("ecs")).isEqualTo(field.getProp("ecs"));
      boolean address = Meaning.of(field.schema()).equals(Optional.of(Meaning.IP_ADDRESS));
      assertThat(Meaning.nullable(descendant.schema()))
          .isEqualTo(address || Meaning.nullable(field.schema()));
      assertThat(descendant.hasDefaultValue()).isEqualTo(Meaning.nullable(descendant.schema()));
    }
    assertThat(enriched.getFields()).allSatisfy(field -> assertThat(field.doc()).isNotBlank());
  }

  @Property(tries = 100)
  void theSameRawSchemaGivesTheSameText(@ForAll("rawSchemas") Schema raw) {
    assertThat(EnrichedSchema.of(parse(raw.toString())).toString())
        .isEqualTo(EnrichedSchema.of(raw).toString());
  }

  @Provide
  Arbitrary<Schema> rawSchemas() {
    Arbitrary<String> types =
        Arbitraries.oneOf(
            Arbitraries.of("\"int\"", "\"long\"", "\"string\"", "\"bytes\""),
            Arbitraries.of(Meaning.values())
                .map(meaning ->
                    "{\"type\":\"%s\",%s%s\"logicalType\":\"%s\"}"
                        .formatted(
                            meaning.type().getName(),
                            meaning.type() == Schema.Type.ARRAY ? "\"items\":\"long\"," : "",
                            meaning == Meaning.KERNEL_ENUM ? "\"enum\":\"sk_rst_reason\"," : "",
                            meaning.word())));
    Arbitrary<Schema.Field> field =
        Combinators.combine(
                types,
                Arbitraries.of(true, false),
                Arbitraries.strings().alpha().ofMinLength(1).ofMaxLength(20),
                Arbitraries.of("source.ip", "destination.ip", "host.ip", "process.pid", ""))
            .as(EnrichedSchemaTest::field);
    return field.list().ofMaxSize(30).map(EnrichedSchemaTest::numbered);
  }

  private static Schema.Field field(String type, boolean nullable, String doc, String ecs) {
    Schema.Field field =
        nullable
            ? new Schema.Field(
                "f", parse("[\"null\"," + type + "]"), doc, JsonProperties.NULL_VALUE)
            : new Schema.Field("f", parse(type), doc);
    if (!ecs.isEmpty()) {
      field.addProp("ecs", ecs);
    }
    return field;
  }

  private static Schema numbered(List<Schema.Field> fields) {
    List<Schema.Field> named = new ArrayList<>();
    for (Schema.Field field : fields) {
      Schema.Field copy =
          field.hasDefaultValue()
              ? new Schema.Field(
                  "f" + named.size(), field.schema(), field.doc(), JsonProperties.NULL_VALUE)
              : new Schema.Field("f" + named.size(), field.schema(), field.doc());
      copy.putAll(field);
      named.add(copy);
    }
    return record(named.toArray(Schema.Field[]::new));
  }

  private static List<Schema.Field> own(Schema enriched) {
    return enriched
        .getFields()
        .subList(EnrichedSchema.ENVELOPE.size(), enriched.getFields().size());
  }

  private static Schema record(Schema.Field... fields) {
    return Schema.createRecord("probe", "A probe.", "io.bianque.raw", false, List.of(fields));
  }

  private static Schema parse(String json) {
    return new Schema.Parser().parse(json);
  }
}
