package io.bianque.agent.record;

import io.bianque.schemas.catalogue.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;

/**
 * What the file holds: an Avro object container of records of one schema; the values' own schemas
 * are in its metadata.
 */
final class Recording {
  static final String TOPIC = "topic";
  static final String KEY = "key";
  static final String TIMESTAMP = "timestamp";
  static final String SCHEMA = "schema";
  static final String VALUE = "value";

  /** Before the fingerprint of a schema, in the file's metadata. */
  static final String METADATA_PREFIX = "bianque.schema.";

  static final Schema RECORD =
      SchemaBuilder.record("Recorded")
          .namespace("io.bianque.recording")
          .doc("A record as it would have been published.")
          .fields()
          .requiredString(TOPIC)
          .requiredString(KEY)
          .name(TIMESTAMP)
          .doc("Milliseconds since 1970.")
          .type()
          .longType()
          .noDefault()
          .name(SCHEMA)
          .doc(
              "Fingerprint of the value's schema; the file's metadata has it under bianque.schema.<fingerprint>.")
          .type()
          .stringType()
          .noDefault()
          .name(VALUE)
          .doc("Avro body, without the registry's header.")
          .type()
          .bytesType()
          .noDefault()
          .endRecord();

  private Recording() {}

  /**
   * Opens a recording to read it from its begin.
   *
   * @throws IOException when it is none, with what it is instead
   */
  static DataFileReader<GenericRecord> open(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new IOException(file + ": no such file");
    }
    DataFileReader<GenericRecord> in;
    try {
      in = new DataFileReader<>(file.toFile(), new GenericDatumReader<>());
    } catch (IOException | RuntimeException e) {
      throw new IOException(file + " is no recording: " + e.getMessage(), e);
    }
    String records = in.getSchema().getFullName();
    if (!records.equals(RECORD.getFullName())) {
      in.close();
      throw new IOException(
          "%s is no recording: it holds %s, not %s".formatted(file, records, RECORD.getFullName()));
    }
    return in;
  }

  /**
   * Reads all of it, so that a recording is played whole or not at all.
   *
   * @return the timestamp of its first event; empty when it has none
   * @throws IOException when it is none, or damaged, or does not end as a recorder ends it
   */
  static OptionalLong check(Path file) throws IOException {
    long whole = 0;
    String last = "";
    OptionalLong first = OptionalLong.empty();
    try (DataFileReader<GenericRecord> in = open(file)) {
      for (GenericRecord record : in) {
        whole++;
        last = record.get(TOPIC).toString();
        if (in.getMetaString(METADATA_PREFIX + record.get(SCHEMA)) == null) {
          throw new IOException(
              "%s is damaged: record %d is of a schema that it does not hold"
                  .formatted(file, whole));
        }
        if (first.isEmpty() && isEvent(last)) {
          first = OptionalLong.of((long) record.get(TIMESTAMP));
        }
      }
    } catch (AvroRuntimeException e) {
      throw new IOException(
          "%s is damaged or cut off after %d records: %s"
              .formatted(file, whole, e.getCause() == null ? e.getMessage() : e.getCause()),
          e);
    }
    if (!last.equals(Topics.COUNTERS)) {
      throw new IOException(
          "%s is cut off after %d records: a recording ends with the probes' last counts"
              .formatted(file, whole));
    }
    return first;
  }

  static boolean isEvent(String topic) {
    return topic.startsWith(Topics.raw(""));
  }
}
