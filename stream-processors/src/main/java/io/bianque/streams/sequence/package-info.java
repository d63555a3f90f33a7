/**
 * Tells events that came twice from events that are new, and counts the ones that never came, by
 * the sequence numbers that each CPU of a probe gives. It knows numbers only: not what an event is,
 * nor where the windows are stored.
 */
package io.bianque.streams.sequence;
