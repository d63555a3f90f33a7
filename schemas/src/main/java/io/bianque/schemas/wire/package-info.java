/**
 * Records as they stand in Kafka: Avro in the Confluent wire format, {@code 0x00}, schema id (4
 * bytes, big endian), body.
 *
 * <p>Bytes that cannot be read are told apart by a stable word ({@link
 * io.bianque.schemas.wire.UnreadableRecord.Reason}); whatever the bytes, reading allocates no more
 * than a small multiple of their length. That the registry cannot be asked is never the record's
 * fault: it is {@link io.bianque.schemas.registry.RegistryUnreachable}.
 */
package io.bianque.schemas.wire;
