package io.bianque.agent.probe;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/** What a probe or source hands on, decoded by Avro itself, not by our own code. */
final class DecodedRecords implements EventSink {
  /** Of this project. */
  static final Path SCHEMAS = Path.of("../schemas/src/main/avro/raw");

  private static final Duration PATIENCE = Duration.ofSeconds(10);

  final List<GenericRecord> all = new ArrayList<>();
  private final Map<String, Schema> schemas = new HashMap<>();

  DecodedRecords(ProbeFiles files) {
    for (Path file : files.schemas()) {
      try {
        Schema schema = new Schema.Parser().parse(Files.readString(file));
        schemas.put(schema.getName(), schema);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Override
  public void event(
      String stream,
      long epoch,
      long wallNanos,
      byte[] buffer,
      int offset,
      int length,
      Receipt receipt) {
    try {
      all.add(
          new GenericDatumReader<GenericRecord>(schemas.get(stream))
              .read(null, DecoderFactory.get().binaryDecoder(buffer, offset, length, null)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Those of one stream: {@code runqlat_latency}. */
  List<GenericRecord> of(String stream) {
    return all.stream().filter(each -> each.getSchema().getName().equals(stream)).toList();
  }

  /**
   * The first that matches; fails after some seconds, with what there was instead.
   *
   * @param look for more
   */
  GenericRecord await(String what, Predicate<GenericRecord> wanted, Runnable look) {
    Instant end = Instant.now().plus(PATIENCE);
    int seen = 0;
    while (true) {
      look.run();
      for (; seen < all.size(); seen++) {
        if (wanted.test(all.get(seen))) {
          return all.get(seen);
        }
      }
      if (Instant.now().isAfter(end)) {
        throw new AssertionError("no record: " + what + "; there were " + all);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }
}
