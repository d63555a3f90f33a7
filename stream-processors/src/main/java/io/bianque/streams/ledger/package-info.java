/**
 * The ledger of the stream tier: what became of each event that arrived, by host, boot, epoch and
 * probe, joined with what the agent counted on its side. Promises that received = enriched +
 * ignored + dead-lettered + duplicates + waiting at any time.
 */
package io.bianque.streams.ledger;
