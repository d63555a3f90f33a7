package io.bianque.sinks.lines;

/**
 * When a file ends and what becomes of it.
 *
 * @param bytes that a file does not grow beyond, unless its only line is longer
 * @param keep rotated files of a probe to keep, at least 1
 * @param gzip whether rotated files are compressed
 */
record Rotation(long bytes, int keep, boolean gzip) {}
