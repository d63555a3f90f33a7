/**
 * Documents into JSON Lines files, one for each probe, rotated: every event once, every line whole,
 * also after the process was killed.
 *
 * <p>The file {@code positions.json} beside them says how long each file is and up to which offset
 * its lines go. It is written after the lines are on the disk and before Kafka hears of the
 * offsets, so it is what counts: at a start, what is in a file beyond its length is cut off, and
 * what is delivered below an offset is passed over.
 */
package io.bianque.sinks.lines;
