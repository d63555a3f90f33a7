package io.bianque.schemas.evolve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchemaEvolutionTest {
  private static final String A = "{\"name\":\"a\",\"type\":%s}";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "int"                                        | "long"
          "int"                                        | ["null","int"]
          "string"                                     | ["string","null"]
          {"type":"long","logicalType":"uint64"}       | ["null",{"type":"long","logicalType":"uint64"}]
          {"type":"enum","name":"e","symbols":["A"]}   | {"type":"enum","name":"e","symbols":["A","B"]}
          """)
  void whatReadersSurviveIsAllowed(String before, String now) {
    assertThat(problems(before, now)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "long"                                       | "int"    | TYPE_MISMATCH at /fields/0/type
          ["null","int"]                               | "int"    | TYPE_MISMATCH at /fields/0/type
          "string"                                     | "bytes"  | type at /a was string and became bytes
          "int"                                        | "double" | type at /a was int and became double
          "long"                                       | {"type":"long","logicalType":"uint64"} | logical type at /a was null and became uint64
          {"type":"int","logicalType":"tcp-state"}     | "int"    | logical type at /a was tcp-state and became null
          {"type":"enum","name":"e","symbols":["A","B"]} | {"type":"enum","name":"e","symbols":["A"]} | MISSING_ENUM_SYMBOLS
          {"type":"array","items":{"type":"record","name":"n","fields":[{"name":"x","type":"long"}]}} | {"type":"array","items":{"type":"record","name":"n","fields":[{"name":"x","type":{"type":"long","logicalType":"timestamp-nanos"}}]}} | logical type at /a/[]/x was null and became timestamp-nanos
          """)
  void whatReadersDoNotSurviveIsRefused(String before, String now, String problem) {
    assertThat(problems(before, now))
        .singleElement()
        .asString()
        .startsWith("with version 1: " + problem);
  }

  @Test
  void everyEarlierVersionCounts() {
    Schema first =
        record(A.formatted("\"long\""), "{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}");
    Schema second = record(A.formatted("\"long\""));
    Schema third =
        record(A.formatted("\"long\""), "{\"name\":\"b\",\"type\":\"int\",\"default\":0}");

    assertThat(SchemaEvolution.problems(second, List.of(first))).isEmpty();
    assertThat(SchemaEvolution.problems(third, List.of(second))).isEmpty();
    assertThat(SchemaEvolution.problems(third, List.of(first, second)))
        .singleElement()
        .asString()
        .startsWith("with version 1: TYPE_MISMATCH");
  }

  private static List<String> problems(String before, String now) {
    return SchemaEvolution.problems(record(A.formatted(now)), List.of(record(A.formatted(before))));
  }

  private static Schema record(String... fields) {
    return new Schema.Parser()
        .parse(
            "{\"type\":\"record\",\"name\":\"r\",\"fields\":[" + String.join(",", fields) + "]}");
  }
}
