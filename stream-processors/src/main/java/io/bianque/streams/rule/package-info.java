/**
 * Rules: conditions over an enriched event, written in CEL (https://cel.dev) in a file, and what is
 * done with an event that they hold for: it is ignored, tagged, sampled, or copied to a topic.
 *
 * <p>A file is checked whole before any of it applies, each condition against the enriched schema
 * of its probe; what is wrong is said with file, line, column, rule and the field that was probably
 * meant. It knows no probe by name.
 */
package io.bianque.streams.rule;
