/**
 * Rule sets: rules files that were applied, in a topic that keeps all of them, and the newest of
 * them at work in every process.
 *
 * <p>The order of the log alone decides which version is active, so all readers agree and two who
 * apply at once cannot overwrite each other unseen. What a rule is, it leaves to {@code rule}.
 */
package io.bianque.streams.ruleset;
