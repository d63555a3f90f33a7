package io.bianque.tests.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.bianque.facts.HostFacts;
import io.bianque.facts.KernelEnum;
import io.bianque.facts.KernelEnumMember;
import io.bianque.facts.Module;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.schemas.registry.UnknownSchemaId;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.schemas.wire.WireFormat;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumWriter;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryEncoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;
import org.apache.flink.avro.shaded.org.apache.avro.io.EncoderFactory;
import org.apache.flink.formats.avro.registry.confluent.ConfluentSchemaRegistryCoder;
import org.junit.jupiter.api.Test;

@RealComponents(Component.REGISTRY)
class RegistryTest {
  private static final Schema V1 = schema("{\"name\":\"a\",\"type\":\"int\"}");
  private static final Schema V2 =
      schema(
          "{\"name\":\"a\",\"type\":\"long\"},{\"name\":\"b\",\"type\":\"string\",\"default\":\"none\"}");
  private static final Schema INCOMPATIBLE = schema("{\"name\":\"a\",\"type\":\"string\"}");
  private static final Catalogue CATALOGUE = Catalogue.load();

  private final URI address;
  private final RegistryClient registry;

  RegistryTest(Components components) {
    address = components.registry();
    registry = new RegistryClient(address);
    registry.setGlobalCompatibility("BACKWARD_TRANSITIVE");
  }

  @Test
  void aSchemaIsRegisteredOnceAndFoundAgain() {
    assertThat(registry.lookup("found-value", V1)).isEqualTo(OptionalInt.empty());

    int id = registry.register("found-value", V1);

    assertThat(registry.register("found-value", V1)).isEqualTo(id);
    assertThat(registry.lookup("found-value", V1)).hasValue(id);
    assertThat(registry.lookup("found-value", V2)).isEmpty();
    assertThat(new RegistryClient(address).schema(id)).isEqualTo(V1);
  }

  @Test
  void aSchemaIsFoundByOneThatDiffersInItsDocsAlone() {
    Schema reworded =
        new Schema.Parser()
            .parse(V1.toString().replaceFirst("\"name\"", "\"doc\":\"Said anew.\",\"name\""));
    int id = registry.register("reworded-value", V1);
    registry.register("reworded-value", V2);

    assertThat(reworded).isEqualTo(V1).doesNotHaveToString(V1.toString());
    assertThat(registry.lookup("reworded-value", reworded)).hasValue(id);
    assertThat(registry.lookup("reworded-value", INCOMPATIBLE)).isEmpty();
  }

  @Test
  void everySchemaThatATopicEverHadMayBeRegisteredInTurn() {
    for (Topic topic : CATALOGUE.topics()) {
      List<Schema> earlier = CATALOGUE.earlierSchemas(topic);
      earlier.forEach(schema -> registry.register("ever-" + topic.subject(), schema));
      registry.register("ever-" + topic.subject(), CATALOGUE.schema(topic));

      assertThat(earlier)
          .allMatch(schema -> registry.lookup("ever-" + topic.subject(), schema).isPresent());
    }
    assertThat(CATALOGUE.earlierSchemas(CATALOGUE.topic(Topics.HOSTS))).isNotEmpty();
  }

  @Test
  void everySchemaOfTheCatalogueComesBackAsItWent() {
    for (Topic topic : CATALOGUE.topics()) {
      Schema schema = CATALOGUE.schema(topic);
      int id = registry.register(topic.subject(), schema);

      assertThat(registry.lookup(topic.subject(), schema)).hasValue(id);
      assertThat(new RegistryClient(address).schema(id)).hasToString(schema.toString());
    }
  }

  @Test
  void aGeneratedClassFindsTheIdThatItsFileWasRegisteredUnder() {
    int id = registry.register("generated-value", CATALOGUE.schema(CATALOGUE.topic(Topics.HOSTS)));

    assertThat(registry.lookup("generated-value", HostFacts.getClassSchema())).hasValue(id);
  }

  @Test
  void anIncompatibleSchemaIsRefusedWithTheReason() {
    registry.register("evolved-value", V1);
    registry.register("evolved-value", V2);

    assertThat(registry.isCompatible("evolved-value", INCOMPATIBLE)).isFalse();
    RegistryRefused refused =
        catchThrowableOfType(
            RegistryRefused.class, () -> registry.register("evolved-value", INCOMPATIBLE));
    assertThat(refused.status()).isEqualTo(409);
    assertThat(refused)
        .hasMessageContaining(address + "/subjects/evolved-value/versions")
        .hasMessageContaining(
            "reader type: STRING not compatible with writer type: INT at /fields/0/type");
  }

  @Test
  void compatibilityIsWithEveryVersionNotWithTheLatest() {
    // Given: b came, and went: what is registered last does not have it
    registry.register("transitive-value", V2);
    registry.register("transitive-value", schema("{\"name\":\"a\",\"type\":\"long\"}"));

    // Then: b with another type agrees with the last version, and not with the first
    Schema other =
        schema(
            "{\"name\":\"a\",\"type\":\"long\"},{\"name\":\"b\",\"type\":\"int\",\"default\":0}");
    assertThat(registry.isCompatible("transitive-value", other)).isFalse();
    assertThat(registry.isCompatible("unheard-of-value", other)).isTrue();
  }

  @Test
  void anUnknownIdIsUnknown() {
    assertThatThrownBy(() -> registry.schema(Integer.MAX_VALUE))
        .isInstanceOf(UnknownSchemaId.class);
    assertThatThrownBy(() ->
            AvroReader.generic(registry).read(WireFormat.frame(Integer.MAX_VALUE, new byte[] {1})))
        .isInstanceOf(UnreadableRecord.class)
        .hasMessageStartingWith("unknown-schema-id: ");
  }

  @Test
  void anAddressWithoutTheApisPathSaysSo() {
    RegistryClient astray = new RegistryClient(address.resolve("/nowhere"));

    assertThatThrownBy(() -> astray.schema(1))
        .isInstanceOf(RegistryUnreachable.class)
        .hasMessageContaining("HTTP 404, and the answer is not one of the Confluent API");
  }

  @Test
  void anOldRecordIsReadByANewReaderAndANewOneByAnOld() {
    byte[] old =
        AvroWriter.generic(registry.register("resolved-value", V1), V1)
            .write(new GenericRecordBuilder(V1).set("a", 7).build());
    byte[] young =
        AvroWriter.generic(registry.register("resolved-value", V2), V2)
            .write(new GenericRecordBuilder(V2).set("a", 1L << 40).set("b", "x").build());

    AvroReader<GenericRecord> reader = AvroReader.generic(registry, V2);
    assertThat(reader.read(old)).hasToString("{\"a\": 7, \"b\": \"none\"}");
    assertThat(reader.read(young)).hasToString("{\"a\": 1099511627776, \"b\": \"x\"}");
    assertThatThrownBy(() -> AvroReader.generic(registry, V1).read(young))
        .isInstanceOf(UnreadableRecord.class)
        .hasMessageStartingWith("incompatible-schema: ");
  }

  @Test
  void recordsAreReadByAnImplementationThatIsNotOurs() throws IOException {
    // Given
    HostFacts facts =
        HostFacts.newBuilder()
            .setHostId("4f6c…")
            .setBootId("boot")
            .setObservedAt(Instant.ofEpochSecond(1, 2))
            .setHostName("höst")
            .setMachine("x86_64")
            .setKernelRelease("6.1.0")
            .setKernelBuildId("ab")
            .setTextAddress(-2130706432L)
            .setTextSize(20_000_000L)
            .setModules(List.of(new Module("veth", null, -1073741824L, 4096L)))
            .setClockOffsetNs(42)
            .setEnums(
                List.of(
                    new KernelEnum(
                        "skb_drop_reason",
                        List.of(new KernelEnumMember(3L, "SKB_DROP_REASON_NO_SOCKET")))))
            .setAgentVersion("1")
            .build();
    int id = registry.register("foreign-value", HostFacts.getClassSchema());

    // When
    byte[] record = AvroWriter.specific(id, HostFacts.class).write(facts);

    // Then: Confluent's client finds the schema by the header, and another Avro release reads the
    // body to its end
    var in = new ByteArrayInputStream(record);
    var theirSchema = coder("foreign-value").readSchema(in);
    var decoder = DecoderFactory.get().directBinaryDecoder(in, null);
    Object theirs = new GenericDatumReader<>(theirSchema).read(null, decoder);
    assertThat(in.available()).isZero();
    assertThat(theirs).hasToString(AvroReader.generic(registry).read(record).toString());
  }

  @Test
  void recordsOfAnImplementationThatIsNotOursAreRead() throws IOException {
    // Given: registered by Confluent's client too
    var theirSchema =
        new org.apache.flink.avro.shaded.org.apache.avro.Schema.Parser().parse(V2.toString());
    var record = new GenericData.Record(theirSchema);
    record.put("a", 5L);
    record.put("b", "grüße");
    var out = new ByteArrayOutputStream();

    // When
    coder("theirs-value").writeSchema(theirSchema, out);
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
    new GenericDatumWriter<>(theirSchema).write(record, encoder);
    encoder.flush();

    // Then
    assertThat(AvroReader.generic(registry).read(out.toByteArray()))
        .hasToString("{\"a\": 5, \"b\": \"grüße\"}");
    assertThat(registry.lookup("theirs-value", V2))
        .hasValue(WireFormat.schemaId(out.toByteArray()));
  }

  private ConfluentSchemaRegistryCoder coder(String subject) {
    return new ConfluentSchemaRegistryCoder(
        subject, new CachedSchemaRegistryClient(address.toString(), 10));
  }

  private static Schema schema(String fields) {
    return new Schema.Parser()
        .parse(
            "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"io.bianque.tests\",\"fields\":["
                + fields
                + "]}");
  }
}
