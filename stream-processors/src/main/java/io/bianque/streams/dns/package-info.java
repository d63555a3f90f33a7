/**
 * Names of addresses by reverse DNS, asked for in the background and remembered as long as DNS
 * allows; and the record of which names events were given, by which a replay gives them again.
 * Promises that no caller ever waits, and that servers that do not answer cost next to nothing.
 */
package io.bianque.streams.dns;
