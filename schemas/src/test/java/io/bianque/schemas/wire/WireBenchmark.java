package io.bianque.schemas.wire;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * A dropwatch event with 20 frames, read by {@link AvroReader} and by Avro's own decoder with the
 * same strings.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class WireBenchmark {
  private final byte[] bytes;
  private final AvroReader<GenericRecord> ours;
  private final GenericDatumReader<GenericRecord> theirs;
  private BinaryDecoder decoder;

  public WireBenchmark() {
    Schema schema = RandomRecords.dropwatch();
    Random random = new Random(7);
    GenericRecord event = RandomRecords.record(schema, random);
    List<Long> stack = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      stack.add(0xffffffff81000000L + random.nextInt(1 << 24));
    }
    event.put("kernel_stack", stack);
    bytes = AvroWriter.generic(1, schema).write(event);
    ours = AvroReader.generic(id -> schema);
    theirs = new GenericDatumReader<>(schema, ours.read(bytes).getSchema());
  }

  @Benchmark
  public GenericRecord bianque() {
    return ours.read(bytes);
  }

  @Benchmark
  public GenericRecord avro() throws IOException {
    decoder =
        DecoderFactory.get()
            .binaryDecoder(bytes, WireFormat.HEADER, bytes.length - WireFormat.HEADER, decoder);
    return theirs.read(null, decoder);
  }

  public static void main(String[] args) throws RunnerException {
    Collection<RunResult> results =
        new Runner(
                new OptionsBuilder()
                    .include(WireBenchmark.class.getName())
                    .forks(1)
                    .warmupIterations(3)
                    .warmupTime(TimeValue.seconds(2))
                    .measurementIterations(5)
                    .measurementTime(TimeValue.seconds(2))
                    .build())
            .run();
    double ours = 0;
    double theirs = 0;
    for (RunResult result : results) {
      double score = result.getPrimaryResult().getScore();
      if (result.getParams().getBenchmark().endsWith("bianque")) {
        ours = score;
      } else {
        theirs = score;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "{\"bench\":\"wire\",\"records_per_second\":%.0f,\"avro_records_per_second\":%.0f,\"ratio\":%.2f}%n",
        ours,
        theirs,
        ours / theirs);
  }
}
