/**
 * The stream tier: raw kernel events in, enriched ones out. This package holds the commands; {@link
 * io.bianque.streams.run} runs it, {@link io.bianque.streams.enrich} is the topology.
 */
package io.bianque.streams;
