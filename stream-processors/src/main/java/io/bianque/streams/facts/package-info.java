/**
 * What hosts said of themselves, kept by host, boot and time, and ready for lookup: where an
 * address lies, and what this host's kernel calls a number. Facts of one boot are never used for
 * another's events.
 */
package io.bianque.streams.facts;
