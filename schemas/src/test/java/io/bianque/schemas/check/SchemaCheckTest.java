package io.bianque.schemas.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchemaCheckTest {
  @Test
  void theCommittedSchemaIsSound() {
    assertThat(SchemaCheck.problems("raw/dropwatch.avsc", dropwatch())).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"name": "x", "type": "int"}                                                  | field 'x' has no doc
          {"name": "X", "type": "int", "doc": "d"}                                      | field 'X' must be snake_case
          {"name": "x", "type": "double", "doc": "d"}                                   | field 'x' has type double; allowed: int, long, string, bytes, enum, array
          {"name": "x", "type": ["int", "string"], "doc": "d"}                          | field 'x' is a union; only a union of null and one other
          {"name": "x", "type": ["int", "null"], "default": 0, "presentIf": "p", "doc": "d"} | field 'x' is nullable: null must come first
          {"name": "x", "type": ["null", "int"], "presentIf": "p", "doc": "d"}          | field 'x' is nullable: null must come first
          {"name": "x", "type": ["null", "int"], "default": null, "doc": "d"}           | field 'x' is nullable, and nothing says when it is absent
          {"name": "x", "type": "int", "presentIf": "p", "doc": "d"}                    | field 'x' has presentIf, but its type has no null
          {"name": "x", "type": "int", "lengthIn": "n", "doc": "d"}                     | field 'x' has lengthIn, which is for bytes and arrays, not for int
          {"name": "x", "type": "bytes", "doc": "d"}                                    | field 'x' has no lengthIn
          {"name": "x", "type": "bytes", "lengthIn": 4, "doc": "d"}                     | field 'x' lengthIn must be a name, is 4
          {"name": "x", "type": {"type": "int", "logicalType": "ipv9"}, "doc": "d"}     | field 'x' has unknown logicalType 'ipv9'; known: host-id,
          {"name": "x", "type": {"type": "int", "logicalType": "ip-address"}, "doc": "d"} | field 'x' logicalType ip-address belongs on bytes, not on int
          {"name": "x", "type": {"type": "long", "logicalType": "sequence"}, "doc": "d"} | field 'x' logicalType sequence is for the field sequence only
          {"name": "x", "type": {"type": "array", "items": "string"}, "lengthIn": "n", "doc": "d"} | field 'x' is an array; the only ones allowed are of long, with logicalType kernel-stack, user-stack or log2-histogram, and user-frames
          {"name": "x", "type": {"type": "array", "items": "long", "logicalType": "user-frames"}, "lengthIn": "n", "doc": "d"} | field 'x' has logicalType user-frames; its items are {"type": "record", "name": "UserFrame", "fields": [{"name": "build_id"
          {"name": "x", "type": {"type": "array", "items": {"type": "record", "name": "UserFrame", "fields": [{"name": "build_id", "type": ["null", {"type": "fixed", "name": "BuildId", "size": 20}]}, {"name": "offset", "type": {"type": "long", "logicalType": "uint64"}}, {"name": "symbol", "type": ["null", "string"]}]}, "logicalType": "user-frames"}, "lengthIn": "n", "doc": "d"} | field 'x' has frames with a symbol, and no processIn
          {"name": "x", "type": {"type": "array", "items": {"type": "record", "name": "UserFrame", "fields": [{"name": "build_id", "type": ["null", {"type": "fixed", "name": "BuildId", "size": 20}]}, {"name": "offset", "type": {"type": "long", "logicalType": "uint64"}}]}, "logicalType": "user-frames"}, "lengthIn": "n", "processIn": "pid", "doc": "d"} | field 'x' has processIn, which is for user-frames with a symbol
          {"name": "x", "type": {"type": "array", "items": {"type": "record", "name": "UserFrame", "fields": [{"name": "build_id", "type": ["null", {"type": "fixed", "name": "BuildId", "size": 20}]}, {"name": "offset", "type": {"type": "long", "logicalType": "uint64"}}, {"name": "symbol", "type": "string"}]}, "logicalType": "user-frames"}, "lengthIn": "n", "doc": "d"} | field 'x' has logicalType user-frames; its items are
          {"name": "x", "type": "int", "logicalType": "tcp-state", "doc": "d"}          | field 'x' has logicalType beside its type
          {"name": "x", "type": "int", "presentif": "p", "doc": "d"}                    | field 'x' has unknown property 'presentif'; known: [ecs, lengthIn, presentIf, processIn]
          {"name": "x", "type": {"type": "long", "logicalType": "cgroup-id", "hierarchy": "pids"}, "doc": "d"} | field 'x' has hierarchy 'pids'; allowed: unified, cpu, io, memory, or several
          {"name": "x", "type": {"type": "long", "logicalType": "kernel-address", "located": true}, "doc": "d"} | field 'x' has "located", which only an ip-address may have, and as true
          {"name": "x", "type": {"type": "long", "logicalType": "kernel-address", "hashed": true}, "doc": "d"} | field 'x' has "hashed", which only a kernel-stack may have
          {"name": "x", "type": {"type": "long", "logicalType": "cgroup-id"}, "ecs": "container", "doc": "d"} | field 'x' has ecs container, which is for a cgroup-id that says its hierarchy
          {"name": "event_id", "type": "int", "doc": "d"}                               | io.bianque.raw.dropwatch: two fields of the enriched schema would be named 'event_id': every enriched event has one
          {"name": "saddr_name", "type": "int", "doc": "d"}                             | io.bianque.raw.dropwatch: two fields of the enriched schema would be named 'saddr_name': one is derived from another raw field
          """)
  void refusesAFieldThatCannotBeCarriedOut(String field, String problem) {
    Schema schema =
        parse(dropwatch().toString().replace("\"fields\":[", "\"fields\":[" + field + ","));

    assertThat(SchemaCheck.problems("raw/dropwatch.avsc", schema))
        .singleElement()
        .asString()
        .startsWith("raw/dropwatch.avsc: " + problem);
  }

  @Test
  void recordThatTheAgentMakesNeedsNoCFlagForWhatIsAbsent() {
    assertThat(problemsOfAbsentField("tcp_listen", "")).isEmpty();
    assertThat(problemsOfAbsentField("dropwatch", "\"presentIf\": \"p\", ")).isEmpty();
  }

  @Test
  void recordThatTheAgentMakesNamesNoCField() {
    assertThat(problemsOfAbsentField("tcp_listen", "\"presentIf\": \"p\", "))
        .singleElement()
        .asString()
        .isEqualTo(
            "raw/tcp_listen.avsc: field 'x' names a C field, but the agent makes the record: no struct has one");
  }

  private static List<String> problemsOfAbsentField(String probe, String property) {
    String field =
        "{\"name\": \"x\", \"type\": [\"null\", \"int\"], \"default\": null, %s\"doc\": \"d\"},"
            .formatted(property);
    Schema schema = parse(raw(probe).toString().replace("\"fields\":[", "\"fields\":[" + field));
    return SchemaCheck.problems("raw/" + probe + ".avsc", schema);
  }

  @ParameterizedTest
  @CsvSource({
    "host_id, {\"type\": \"string\"; \"logicalType\": \"host-id\"}",
    "boot_id, {\"type\": \"string\"; \"logicalType\": \"boot-id\"}",
    "epoch, {\"type\": \"long\"; \"logicalType\": \"probe-epoch\"}",
    "cpu, \"int\"",
    "sequence, {\"type\": \"long\"; \"logicalType\": \"sequence\"}",
    "ktime_ns, {\"type\": \"long\"; \"logicalType\": \"monotonic-nanos\"}",
    "time, {\"type\": \"long\"; \"logicalType\": \"timestamp-nanos\"}",
  })
  void everyEventHasItsHeader(String name, String type) {
    String field = "{\"name\": \"%s\", \"type\": %s}".formatted(name, type.replace(';', ','));
    Schema without =
        parse(
            dropwatch()
                .toString()
                .replace("\"" + name + "\"", "\"other\"")
                .replaceAll(
                    "\"logicalType\":\"(host-id|boot-id|probe-epoch|sequence|timestamp-nanos)\"",
                    "\"x\":\"\""));

    assertThat(SchemaCheck.problems("raw/dropwatch.avsc", without))
        .contains("raw/dropwatch.avsc: field '" + name + "' is missing; every event has " + field);
  }

  @Test
  void aHeaderFieldWithAnotherMeaningIsRefused() {
    Schema schema = parse(dropwatch().toString().replace("monotonic-nanos", "uint64"));

    assertThat(SchemaCheck.problems("raw/dropwatch.avsc", schema))
        .containsExactly(
            "raw/dropwatch.avsc: field 'ktime_ns' must be"
                + " {\"name\": \"ktime_ns\", \"type\": {\"type\": \"long\", \"logicalType\": \"monotonic-nanos\"}}");
  }

  @Test
  void taggedIsTrueOrNotThere() {
    Schema schema = parse(dropwatch().toString().replace("\"tagged\":true", "\"tagged\":\"yes\""));

    assertThat(SchemaCheck.problems("raw/dropwatch.avsc", schema))
        .containsExactly("raw/dropwatch.avsc: tagged must be true, or not be there");
  }

  @Test
  void nameNamespaceAndFileAgree() {
    Schema schema = parse(dropwatch().toString().replace("io.bianque.raw", "com.example"));

    assertThat(SchemaCheck.problems("other.avsc", schema))
        .containsExactly(
            "other.avsc: namespace must be io.bianque.raw, is com.example",
            "other.avsc: the file must be named dropwatch.avsc, after the record");
    assertThat(SchemaCheck.problems("x.avsc", Schema.create(Schema.Type.INT)))
        .containsExactly("x.avsc: must be a record, is int");
  }

  private static Schema dropwatch() {
    return raw("dropwatch");
  }

  private static Schema raw(String probe) {
    Catalogue catalogue = Catalogue.load();
    return catalogue.schema(catalogue.topic(Topics.raw(probe)));
  }

  private static Schema parse(String json) {
    return new Schema.Parser().parse(json);
  }
}
