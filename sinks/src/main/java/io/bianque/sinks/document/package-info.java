/**
 * What an enriched event looks like outside Kafka: the JSON document and the index mapping, both
 * derived from the event's Avro schema by {@link io.bianque.sinks.document.DocumentLayout}, so that
 * neither can have a field the other lacks.
 *
 * <p>Pure: no I/O but in {@link io.bianque.sinks.document.WriteIndexTemplates}, no knowledge of
 * Kafka Connect, of any server or of any one probe.
 */
package io.bianque.sinks.document;
