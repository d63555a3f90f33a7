/**
 * Turns a probe's events from the C struct in ring buffer memory into Avro's binary form.
 *
 * <p>A plan is compiled once from the struct's BTF and the probe's schema and refuses any
 * difference between them with words; encoding an event then allocates nothing and throws nothing.
 * It knows neither libbpf nor Kafka, and no probe by name.
 */
package io.bianque.agent.encode;
