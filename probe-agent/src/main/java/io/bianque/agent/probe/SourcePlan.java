package io.bianque.agent.probe;

import io.bianque.agent.encode.PlanMismatch;
import io.bianque.agent.encode.RecordPlan;
import io.bianque.agent.source.SourceKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;

/**
 * What a {@link ProbePlan} is for a probe with a program, of one without: schemas and shapes of
 * records agree, and what was configured fits.
 *
 * @param encodings how the records of each shape are encoded
 * @param tunables each with its value
 */
record SourcePlan(
    SourceKind kind,
    Map<Class<? extends Record>, RecordPlan> encodings,
    Map<String, Long> tunables) {

  /**
   * Reads and checks a probe without a program.
   *
   * @throws ProbeRejected when anything is missing or does not fit
   */
  static SourcePlan read(ProbeFiles files, Map<String, String> tunables) {
    SourceKind kind = SourceKind.of(files.name()).orElseThrow();
    Map<Class<? extends Record>, RecordPlan> encodings = new LinkedHashMap<>();
    Path reading = files.schema();
    try {
      for (Class<? extends Record> shape : kind.records()) {
        reading = files.schema().resolveSibling(RecordPlan.stream(shape) + ProbeFiles.SCHEMA);
        Schema schema = new Schema.Parser().parse(Files.readString(reading));
        encodings.put(shape, RecordPlan.compile(shape, schema));
      }
      return new SourcePlan(kind, encodings, kind.values(tunables));
    } catch (IOException e) {
      throw new ProbeRejected(
          "probe " + files.name() + ": " + reading + " cannot be read: " + e, e);
    } catch (AvroRuntimeException e) {
      throw new ProbeRejected(
          "probe " + files.name() + ": " + reading + " is no Avro schema: " + e.getMessage(), e);
    } catch (PlanMismatch | IllegalArgumentException e) {
      throw new ProbeRejected("probe " + files.name() + ": " + e.getMessage(), e);
    }
  }
}
