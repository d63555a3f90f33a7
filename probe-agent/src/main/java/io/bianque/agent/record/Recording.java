package io.bianque.agent.record;

import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;

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
}
