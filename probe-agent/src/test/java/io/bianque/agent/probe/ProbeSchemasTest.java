package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.encode.EncodePlan;
import io.bianque.agent.encode.RecordPlan;
import io.bianque.agent.source.SourceKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every probe of this build against its schemas: a difference must not wait for an agent to find
 * it.
 */
class ProbeSchemasTest {
  private static final Path SCHEMAS = Path.of("../schemas/src/main/avro/raw");
  private static final Path OBJECTS = Path.of("../bpf/target/probes");
  private static final Path SOURCES = Path.of("../bpf");

  /** Of the sources: that none is without an object is for the build to see. */
  static List<String> probes() {
    return stems(SOURCES, ".bpf.c");
  }

  private static List<String> stems(Path folder, String ending) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(ending))
          .map(name -> name.substring(0, name.length() - ending.length()))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void needsObjects() {
    assumeTrue(Files.isDirectory(OBJECTS), OBJECTS + " is not built: mvn package -pl bpf");
  }

  @ParameterizedTest
  @MethodSource("probes")
  void structsAndSchemasSayTheSame(String probe) throws IOException {
    needsObjects();
    ProbeFiles files = ProbeFiles.of(probe, OBJECTS, SCHEMAS);
    Btf btf = Btf.ofElf(files.object().orElseThrow());

    assertThat(files.schemas())
        .isNotEmpty()
        .allSatisfy(schema -> {
          EncodePlan plan =
              files.polled().contains(schema)
                  ? PolledPlan.compile(probe, btf, parsed(schema)).encoding()
                  : EncodePlan.compile(btf, probe + "_event", parsed(schema));
          assertThat(plan.structSize()).isPositive();
          assertThat(plan.maxEncodedSize()).isGreaterThan(plan.structSize() / 2);
        });
  }

  @Test
  void everySchemaIsAProbesOrASources() {
    needsObjects();
    Stream<ProbeFiles> all =
        Stream.concat(
            probes().stream().map(probe -> ProbeFiles.of(probe, OBJECTS, SCHEMAS)),
            SourceKind.ALL.stream().map(source -> ProbeFiles.of(source, SCHEMAS)));

    assertThat(all.flatMap(files -> files.schemas().stream()))
        .extracting(schema -> schema.getFileName().toString().replace(".avsc", ""))
        .containsExactlyInAnyOrderElementsOf(stems(SCHEMAS, ".avsc"));
  }

  static Stream<Class<? extends Record>> shapes() {
    return SourceKind.ALL.stream().flatMap(source -> source.records().stream());
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void recordAndSchemaSayTheSame(Class<? extends Record> shape) {
    Path schema = SCHEMAS.resolve(RecordPlan.stream(shape) + ".avsc");

    assertThatCode(() -> RecordPlan.compile(shape, parsed(schema))).doesNotThrowAnyException();
  }

  private static Schema parsed(Path file) throws IOException {
    return new Schema.Parser().parse(file.toFile());
  }
}
