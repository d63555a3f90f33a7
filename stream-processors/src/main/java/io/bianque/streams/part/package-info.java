/**
 * The parts that the stream tier is made of, and what they have in common. What a part does is in a
 * package of its own, which this one does not know; {@code run.TierTopology} puts them together.
 */
package io.bianque.streams.part;
