package io.bianque.agent.encode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.source.SourceKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every probe of this build against its schema: a difference must not wait for an agent to find it.
 */
class ProbeSchemasTest {
  private static final Path SCHEMAS = Path.of("../schemas/src/main/avro/raw");
  private static final Path OBJECTS = Path.of("../bpf/target/probes");

  static List<String> probes() throws IOException {
    try (Stream<Path> files = Files.list(SCHEMAS)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".avsc"))
          .map(name -> name.substring(0, name.length() - 5))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("probes")
  void structAndSchemaSayTheSame(String probe) throws IOException {
    Path object = OBJECTS.resolve(probe + ".bpf.o");
    assumeTrue(Files.exists(object), object + " is not built: mvn package -pl bpf");

    EncodePlan plan =
        EncodePlan.compile(
            Btf.ofElf(object),
            probe + "_event",
            new Schema.Parser().parse(SCHEMAS.resolve(probe + ".avsc").toFile()));

    assertThat(plan.structSize()).isPositive();
    assertThat(plan.maxEncodedSize()).isGreaterThan(plan.structSize() / 2);
  }

  static Stream<Class<? extends Record>> shapes() {
    return SourceKind.ALL.stream().flatMap(source -> source.records().stream());
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void recordAndSchemaSayTheSame(Class<? extends Record> shape) throws IOException {
    Path schema = SCHEMAS.resolve(RecordPlan.stream(shape) + ".avsc");

    assertThatCode(() -> RecordPlan.compile(shape, new Schema.Parser().parse(schema.toFile())))
        .doesNotThrowAnyException();
  }
}
