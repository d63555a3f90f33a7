/**
 * The way of a raw event to an enriched one. {@link io.bianque.streams.enrich.EnrichTopology} is
 * the topology, {@link io.bianque.streams.enrich.EnrichProcessor} its one processor: read, hold
 * against the window, give meaning, wait for what may still come, apply the rules, send on.
 *
 * <p>It knows no probe by name. What is done to a field is decided by the field's logical type,
 * once a schema, in an {@link io.bianque.streams.enrich.EnrichPlan}.
 */
package io.bianque.streams.enrich;
