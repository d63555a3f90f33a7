package io.bianque.streams.enrich;

/**
 * A record on its way out.
 *
 * @param topic it goes to
 * @param value in the wire format
 */
// The array is Kafka's own from here on, and nobody compares outputs.
@SuppressWarnings("ArrayRecordComponent")
record Output(String topic, byte[] value) {}
