/**
 * Gets events and facts to Kafka: each event once, in the order of its probe, or counted as given
 * up.
 *
 * <p>Every probe has a lane of its own. While all is well the drain thread hands an event straight
 * to the producer. As soon as that is not possible (broker away, registry away, producer full) the
 * lane turns to its spool: events go over a bounded hand-off to the publisher thread, to segment
 * files on disk, and from there in order to the producer, until nothing is left and the lane turns
 * back. The drain thread never waits for a disk or for the network.
 *
 * <p>An event is at any moment in exactly one place of {@link io.bianque.agent.publish.Counts}.
 * Knows nothing of BPF.
 */
package io.bianque.agent.publish;
