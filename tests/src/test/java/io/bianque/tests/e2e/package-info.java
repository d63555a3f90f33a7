/**
 * The whole path, as a user gets it: {@code ./bianque up} in a data folder and on ports of its own,
 * packets that this machine's kernel really drops, documents read back over plain HTTP.
 *
 * <p>Nothing here reaches into the product: it is driven by its command line, its topics, its HTTP
 * ports and signals. Every wait is for a condition and has a limit; a failure carries the stack's
 * own account of itself.
 */
package io.bianque.tests.e2e;
