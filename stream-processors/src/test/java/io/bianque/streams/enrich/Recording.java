package io.bianque.streams.enrich;

import io.bianque.schemas.catalogue.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/**
 * What a real agent published, out of a file as docs/recordings.md describes it: read here from the
 * format alone, since the stream tier does not know the agent.
 */
record Recording(List<Published> all) {
  private static final Path IN_THE_REPOSITORY =
      Path.of("../probe-agent/src/main/dist/recordings/dropwatch.avro");

  /**
   * A record as it was published.
   *
   * @param body without the registry's header
   */
  record Published(String topic, String key, Instant time, Schema schema, ByteBuffer body) {
    GenericRecord value() {
      try {
        return new GenericDatumReader<GenericRecord>(schema, schema, new GenericData())
            .read(null, DecoderFactory.get().binaryDecoder(bytes(), null));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    byte[] bytes() {
      byte[] bytes = new byte[body.remaining()];
      body.duplicate().get(bytes);
      return bytes;
    }
  }

  /** The one in the repository. */
  static Recording ofDrops() {
    List<Published> all = new ArrayList<>();
    Map<String, Schema> schemas = new HashMap<>();
    try (var in =
        new DataFileReader<>(IN_THE_REPOSITORY.toFile(), new GenericDatumReader<GenericRecord>())) {
      for (GenericRecord record : in) {
        all.add(
            new Published(
                record.get("topic").toString(),
                record.get("key").toString(),
                Instant.ofEpochMilli((long) record.get("timestamp")),
                schemas.computeIfAbsent(
                    record.get("schema").toString(),
                    fingerprint ->
                        new Schema.Parser()
                            .parse(in.getMetaString("bianque.schema." + fingerprint))),
                (ByteBuffer) record.get("value")));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Recording(List.copyOf(all));
  }

  List<Published> of(String topic) {
    return all.stream().filter(published -> published.topic().equals(topic)).toList();
  }

  List<Published> events() {
    return of(Topics.raw("dropwatch"));
  }
}
