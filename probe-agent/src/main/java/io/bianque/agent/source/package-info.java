/**
 * What the kernel tells without a program in it: sources read netlink and files of /proc and /sys,
 * and their records are Java records, each of the shape of its schema.
 *
 * <p>A source is a probe like those with a program: found by its schema in a probe folder, started,
 * stopped, tuned, counted and published by name. This package holds the sources and the list of
 * them; it must not know how a record is encoded, where it goes, or that other probes exist.
 */
package io.bianque.agent.source;
