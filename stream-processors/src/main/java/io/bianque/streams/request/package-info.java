/**
 * Has one host of the fleet asked for each table of symbols that an event needs and nobody has
 * published. It reads who could publish one, and which have come; it knows nothing of events.
 */
package io.bianque.streams.request;
