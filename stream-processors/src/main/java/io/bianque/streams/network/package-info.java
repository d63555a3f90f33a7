/**
 * Which site and owner an address belongs to, by a table of networks that the operator writes.
 * Promises that a lookup neither waits nor allocates.
 */
package io.bianque.streams.network;
